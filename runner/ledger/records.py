"""Records of a ledger: what is written to it; `reading` has what is read from several of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from estimator.counting import TokenCount
from experiment.prompts import Request
from experiment.scoring import Completion, ReasoningForm
from pricing.money import Money
from providers.apis import name_finish
from providers.error_body import put_on_one_line
from providers.reply import ModelResponse

# How the usage of the first of several answers to one request begins (`split_bill`).
FIRST_OF_SEVERAL = '{"choice": 0, "choices": '
SECONDS = "afcost_seconds"  # in the stored usage, how long the call took
FINGERPRINT = "system_fingerprint"  # in the stored usage, as OpenAI's API names it
IMPORTED = "imported"  # exactness of a prompt that was counted elsewhere, or never
# Note of a release: what was reserved ahead of its place and not sent after all. As far as answers
# and failures are concerned, there was no such attempt; it only has a number.
NEVER_SENT = "never sent"
_MAX_REASON_LINE = 1000  # characters
_write_usage = json.JSONEncoder(default=str).encode


class Attempt(NamedTuple):
    """One sending of one request; its fields are the SQL columns, in their order.

    Attributes:
        job: id of the subject request that it belongs to.
        request: id of what is sent.
        number: from 1; each sending of a request is an attempt with a reservation of its own.
        stage, model, condition, query, sample, vote: as in the request.
        counted, bound: prompt tokens as counted here, and as reserved for.
        exactness: of `counted`.
    """

    job: str
    request: str
    number: int
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    vote: int
    counted: int
    bound: int
    exactness: str

    @classmethod
    def from_request(cls, request: Request, job: str, number: int, count: TokenCount) -> Attempt:
        """Create the record of the next attempt at a request.

        A vote that is asked for together with an earlier one has no prompt of its own: `count` is
        of nothing then.
        """
        return cls(
            job=job,
            request=request.id,
            number=number,
            stage=request.stage,
            model=request.model,
            condition=request.condition,
            query=request.query,
            sample=request.sample,
            vote=request.vote,
            counted=count.tokens,
            bound=count.bound,
            exactness=count.exactness.value,
        )

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Attempt:
        """Create the record from its SQL columns; texts that many have are kept once."""
        values = list(row)
        for place in _SHARED_BY_ATTEMPTS:
            values[place] = intern(values[place])
        if values[0] == values[1]:
            values[0] = values[1]
        return cls._make(values)

    @property
    def id(self) -> str:
        """The request's id with the attempt's number."""
        return f"{self.request}.{self.number}"


_SHARED_BY_ATTEMPTS = tuple(
    map(Attempt._fields.index, ("stage", "model", "condition", "exactness"))
)


class StoredAnswer(NamedTuple):
    """A stored answer: `text` continues `prefill`; `hidden` tokens are part of `output`.

    Its fields are the SQL columns, in their order. The last two are empty in ledgers of before
    there were any.
    """

    prefill: str
    text: str
    reasoning: str
    finish: str
    input: int
    cache_read: int
    cache_write: int
    output: int
    hidden: int
    stated_cost: int | None
    model: str
    provider_id: str
    usage: str
    refusal: str = ""
    reasoning_form: str = ""

    @classmethod
    def from_response(
        cls, request: Request, response: ModelResponse, text: str, *, shows_summary: bool = False
    ) -> StoredAnswer:
        """Create the record of a provider's response.

        Args:
            request: that was sent.
            response: to it.
            text: of the response, without the request's prefill.
            shows_summary: the model is known to show no more of its reasoning than a summary.
        """
        usage = response.usage
        return cls(
            prefill=request.prefill,
            text=text,
            reasoning=response.reasoning,
            finish=response.finish,
            input=usage.input,
            cache_read=usage.cache_read,
            cache_write=usage.cache_write + usage.cache_write_1h,
            output=usage.output,
            hidden=usage.reasoning,
            stated_cost=response.stated_cost.pico if response.stated_cost else None,
            model=response.model,
            provider_id=response.id,
            usage=_write_usage(_describe_usage(response)),
            refusal=response.refusal,
            reasoning_form=_name_reasoning(response, shows_summary=shows_summary),
        )

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> StoredAnswer:
        """Create the record from its SQL columns, of which the newest may be missing or NULL."""
        values = [*row, *[""] * (len(cls._fields) - len(row))]
        for place in _SHARED_BY_ANSWERS:
            values[place] = intern(values[place] or "")
        return cls._make(values)

    @property
    def has_failed(self) -> bool:
        """Whether the provider broke off, so that it is no answer."""
        return _has_failed(self.finish)

    @property
    def completion(self) -> Completion:
        """What came back, as answers and verdicts are read from it."""
        finish = name_stored_finish(self.finish)
        return Completion(self.text, finish, self.refusal, self.reasoning, self.reasoning_form)

    @property
    def whole_text(self) -> str:
        """The text with the prefill that it continues."""
        return self.prefill + self.text

    @property
    def prompt_tokens(self) -> int:
        """The billed prompt tokens, whether or not they were cached."""
        return self.input + self.cache_read + self.cache_write


_SHARED_BY_ANSWERS = tuple(
    map(StoredAnswer._fields.index, ("prefill", "finish", "model", "refusal", "reasoning_form"))
)


def _name_reasoning(response: ModelResponse, *, shows_summary: bool) -> str:
    if not response.reasoning:
        return ""
    is_summary = response.is_summary or shows_summary
    return (ReasoningForm.SUMMARY if is_summary else ReasoningForm.NATIVE).value


@dataclass(frozen=True, slots=True)
class Balance:
    """The amounts in a ledger's accounts; all four accounts count against the cap."""

    cap: Money
    settled: Money
    held: Money
    reserved: Money
    aside: Money

    @property
    def free(self) -> Money:
        """The amount that can still be allocated."""
        return self.cap - self.spent - self.aside

    @property
    def spent(self) -> Money:
        """What may have been billed: settled, held and reserved."""
        return self.settled + self.held + self.reserved


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; its fields are the columns, in their order.

    Attributes:
        seq: from 1, without gaps.
        at: when it was written, as ISO 8601 in UTC.
        kind: what happened: approve, plan, aside, free, reserve, settle, release, hold, resolve,
            restore, import, look, batch, end.
        worker: who wrote it.
        job, attempt: what it is about; empty, or None, where it is about the whole run.
        aside, reserved, settled, held: the change of each account.
        note: why, in words; of a plan its digest of work, of an approval its name.
        hash: of this entry and the one before.
    """

    seq: int
    at: str
    kind: str
    worker: str
    job: str
    attempt: str | None
    aside: Money
    reserved: Money
    settled: Money
    held: Money
    note: str
    hash: str


@dataclass(frozen=True, slots=True)
class ExecutionEnd:
    """How an execution ended, as the note of its last entry says it.

    Attributes:
        how: the stop reason's word; empty while one goes on, or where it ended unexpectedly.
        reason: why, for people, in one line or several; empty where there is none to tell.
    """

    how: str = ""
    reason: str = ""

    @classmethod
    def from_note(cls, note: str) -> ExecutionEnd:
        """Read a note of this version, or of an earlier one, which has no reason."""
        how, _, reason = note.partition(": ")
        return cls(how, reason)

    def to_note(self) -> str:
        """Return the note that `from_note` reads; what a provider said in it is made plain."""
        lines = (put_on_one_line(line, _MAX_REASON_LINE) for line in self.reason.splitlines())
        reason = "\n".join(filter(None, lines))
        return f"{self.how}: {reason}" if reason else self.how


@dataclass(frozen=True, slots=True)
class EarlierAttempt:
    """An attempt at a request of a job.

    Attributes:
        job, request, number, stage, vote: as in `Attempt`.
        completion: of its answer; None where it was not answered.
        prefill: what the text continues.
    """

    job: str
    request: str
    number: int
    completion: Completion | None
    stage: str = ""
    vote: int = 0
    prefill: str = ""

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> EarlierAttempt:
        """Create the record from the columns of `EARLIER_ATTEMPT`."""
        job, request, number, stage, vote, prefill, *answer = row
        completion = None if answer[0] is None else read_completion(answer)
        return cls(job, request, number, completion, stage, vote, prefill or "")


def count_answers(usage: str) -> int:
    """Return how many answers the call gave whose first answer has this usage."""
    if not usage.startswith(FIRST_OF_SEVERAL):
        return 1
    counted = usage[len(FIRST_OF_SEVERAL) :].partition(",")[0].rstrip("}")
    return int(counted) if counted.isdecimal() else 1


def _describe_usage(response: ModelResponse) -> dict[str, Any]:
    """Return the usage as it came, with what answered, and how long that took."""
    named: dict[str, Any] = {FINGERPRINT: response.fingerprint} if response.fingerprint else {}
    if response.seconds is not None:
        named |= {SECONDS: round(response.seconds, 3)}
    return {**response.raw_usage, **named}


def build_completion(response: ModelResponse, text: str) -> Completion:
    """Return what came back; `text` is without the request's prefill."""
    form = _name_reasoning(response, shows_summary=False)
    return read_completion((text, response.finish, response.refusal, response.reasoning, form))


def read_completion(row: Sequence[Any]) -> Completion:
    """Return a completion from the columns of `COMPLETION`.

    Earlier versions stored some reasons why an answer ended in the words of its provider.
    """
    text, finish, refusal, reasoning, form = row
    return Completion(
        text or "", name_stored_finish(finish or ""), refusal or "", reasoning or "", form or ""
    )


@lru_cache(maxsize=1024)
def name_stored_finish(finish: str) -> str:
    """Return `name_finish`: a long ledger has few words, and reads them often."""
    return name_finish(finish)


@lru_cache(maxsize=1024)
def _has_failed(finish: str) -> bool:
    return Completion("", name_finish(finish)).has_failed
