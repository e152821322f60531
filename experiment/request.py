"""Requests: the single API calls that an experiment makes, and the jobs that they belong to."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from experiment.answer import Answer, read_answer
from experiment.errors import BadTemplate
from experiment.file import Condition, Experiment
from experiment.schema import SUBJECT, Judge, MessageTemplate
from experiment.template import Templates


class Message(NamedTuple):
    """One message as it is sent."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One API call to make.

    Attributes:
        id: digest of what is sent with its condition, query, sample and vote; the same request
            has the same id on any machine.
        stage: `subject`, or a judge's name.
        model: the model's name as the experiment writes it.
        condition: the cell's name, such as `free/cot`.
        query: the query's index in its file, from 0.
        sample: which sample of the subject, from 0.
        messages: what is sent; a final assistant message is a prefill.
        sampling: `max_tokens` and what else is sent beside the messages.
        vote: which vote of a judge, from 0; 0 for a subject.
        subject: id of the judged request; None for a subject.
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

    @property
    def max_tokens(self) -> int:
        """The most output tokens that the provider may bill."""
        return int(self.sampling["max_tokens"])

    @property
    def prefill(self) -> str:
        """The text from which the model goes on, empty without one."""
        last = self.messages[-1]
        return last.content if last.role == "assistant" else ""


class Requests:
    """Builds the requests of an experiment.

    Args:
        experiment: what is measured.
        takes_prefill: tells for a model's written name whether it goes on from a final assistant
            message; where it does not, that message is left out.
    """

    def __init__(self, experiment: Experiment, takes_prefill: Callable[[str], bool]) -> None:
        self.experiment = experiment
        self.templates = Templates(experiment.folder)
        self._takes_prefill = {name: takes_prefill(name) for name in self._models()}
        self._conditions = list(experiment.conditions())

    def cells(self) -> Iterator[tuple[str, Condition]]:
        """Give every (model, condition), the unit that answers are balanced over."""
        for model in self.experiment.spec.models:
            for condition in self._conditions:
                yield model, condition

    def subjects(self) -> Iterator[Request]:
        """Give every subject request: by model, condition, query, then sample."""
        for model, condition in self.cells():
            for query in range(len(self.experiment.queries)):
                for sample in range(self.experiment.spec.samples):
                    yield self.subject(model, condition, query, sample)

    def interleaved(self, seed: str) -> Iterator[Request]:
        """Give the same requests in the order of work.

        Breadth first: the next query for every cell before the query after it, queries in an order
        drawn from the seed, a second sample only after every query had its first. Wherever the
        work ends, no two cells differ by more than one request.
        """
        order = list(range(len(self.experiment.queries)))
        random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
        for sample in range(self.experiment.spec.samples):
            for query in order:
                for model, condition in self.cells():
                    yield self.subject(model, condition, query, sample)

    def subject(self, model: str, condition: Condition, query: int, sample: int) -> Request:
        """Build one subject request."""
        spec = self.experiment.spec
        variables = condition.variables | {"query": self.experiment.queries[query]}
        return _request(
            stage=SUBJECT,
            model=model,
            condition=condition.name,
            query=query,
            sample=sample,
            messages=self._render(spec.messages, variables, model, "messages"),
            sampling=spec.sampling.as_sent(),
        )

    def judges(self, subject: Request, answer: Answer | None) -> Iterator[Request]:
        """Give the judge requests of a subject's answer, one for each vote.

        Without an answer (before it is known) every judge reads an empty one.
        """
        for judge in self.experiment.spec.judges:
            if answer is None or _reads(judge, answer):
                yield from self._votes(judge, subject, answer)

    def read(self, request: Request, text: str) -> Answer:
        """Read the text that a model gave for a subject request."""
        return read_answer(request.prefill + text, self.experiment.spec.answer)

    def _votes(self, judge: Judge, subject: Request, answer: Answer | None) -> Iterator[Request]:
        variables = self._condition(subject.condition).variables | {
            "query": self.experiment.queries[subject.query],
            "output": answer.output if answer else "",
            "reasoning": answer.reasoning if answer else "",
        }
        where = f"judges.{judge.name}.messages"
        messages = self._render(judge.messages, variables, judge.model, where)
        for vote in range(judge.samples):
            yield _request(
                stage=judge.name,
                model=judge.model,
                condition=subject.condition,
                query=subject.query,
                sample=subject.sample,
                messages=messages,
                sampling=judge.sampling.as_sent(),
                vote=vote,
                subject=subject.id,
            )

    def _render(
        self,
        templates: tuple[MessageTemplate, ...],
        variables: dict[str, Any],
        model: str,
        where: str,
    ) -> tuple[Message, ...]:
        if templates[-1].role == "assistant" and not self._takes_prefill[model]:
            templates = templates[:-1]
        messages = tuple(
            Message(each.role, self.templates.render(each.content, variables, f"{where}[{number}]"))
            for number, each in enumerate(templates)
        )
        if not messages or not any(message.content for message in messages):
            raise BadTemplate(f"{where}: nothing is left to send to {model}")
        return messages

    def _models(self) -> set[str]:
        spec = self.experiment.spec
        return {*spec.models, *(judge.model for judge in spec.judges)}

    def _condition(self, name: str) -> Condition:
        return next(each for each in self._conditions if each.name == name)


def _reads(judge: Judge, answer: Answer) -> bool:
    match judge.when:
        case "always":
            return True
        case "answered":
            return bool(answer.output.strip())
        case "not-refused":
            return answer.accepted is not False
        case "accepted":
            return answer.accepted is True


def _request(**fields: Any) -> Request:  # noqa: ANN401 - the fields of Request
    sent = fields | {"messages": [(role, _digest(text)) for role, text in fields["messages"]]}
    return Request(id=_digest(json.dumps(sent, sort_keys=True))[:24], **fields)


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
