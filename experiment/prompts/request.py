"""A request: one API call to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

CacheTime = Literal["5m", "1h"]  # for which a provider can be asked to keep a prefix


class Message(NamedTuple):
    """One message as it is sent."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class CacheMark:
    """The beginning of a prompt that others share, and that its provider bills as cached.

    Attributes:
        key: tells it from other beginnings that the same model is sent.
        messages: how many leading messages it consists of, all of them whole; 0 where nothing is
            marked, because the provider finds it by itself.
        keep: for how long the provider is asked to keep it; None where nothing is marked.
        bound: the most tokens that it has.
    """

    key: str
    messages: int
    keep: CacheTime | None
    bound: int


@dataclass(frozen=True, slots=True)
class Request:
    """A single API call.

    Attributes:
        id: of a subject, a digest of what is sent and of which draw it is (`request_ids`); of a
            verdict, see `RequestBuilder.verdict_id`. The same request has the same id on any
            machine.
        stage: `subject`, or a judge's name.
        model: the model's name as the experiment writes it.
        condition: the cell's name, such as `free/cot`.
        query: the query's index in its file, from 0.
        sample: which sample of the subject, from 0.
        messages: what is sent; a final assistant message is a prefill.
        sampling: `max_tokens` and the other request fields besides the messages.
        vote: which vote of a judge, or which turn of a subject, from 0.
        subject: id of the request that it belongs to: the judged one, or the first turn of an
            answer that goes on; None for a subject's first turn.
        choices: how many answers it asks for: more than one where it stands for several votes.
        mark: the beginning of its prompt that others share; None where it is not to be cached. It
            changes the bill and no answer, so it is no part of the id.
    """

    id: str
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    messages: tuple[Message, ...]
    sampling: dict[str, Any] = field(hash=False)
    vote: int = 0
    subject: str | None = None
    choices: int = 1
    mark: CacheMark | None = None

    @property
    def max_tokens(self) -> int:
        """The most output tokens that each of its answers may have."""
        return int(self.sampling["max_tokens"])

    @property
    def max_output(self) -> int:
        """The most output tokens that the provider may bill, for all answers."""
        return self.choices * self.max_tokens

    @property
    def prefill(self) -> str:
        """The text that the model continues from; empty without one."""
        last = self.messages[-1]
        return last.content if last.role == "assistant" else ""
