"""Requests: the single API calls that an experiment makes, and the jobs that they belong to."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from experiment.definition.experiment import Condition, Experiment
from experiment.definition.schema import SUBJECT, Judge, MessageTemplate
from experiment.errors import BadTemplate
from experiment.prompts.request import Message, Request
from experiment.prompts.templates import Templates
from experiment.scoring.answer import Answer, read_answer
from experiment.scoring.verdict import read_verdict


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
        self._conditions = {each.name: each for each in experiment.conditions()}
        spec = experiment.spec
        self._sampling = {SUBJECT: spec.sampling.as_sent()}
        self._sampling |= {judge.name: judge.sampling.as_sent() for judge in spec.judges}
        self._sampling_text = {
            stage: json.dumps(sampling, sort_keys=True)
            for stage, sampling in self._sampling.items()
        }
        self._last: dict[str, tuple[object, tuple[Message, ...]]] = {}
        self._orders: dict[str, list[int]] = {}

    def cells(self) -> Iterator[tuple[str, Condition]]:
        """Give every (model, condition), the unit that answers are balanced over."""
        for model in self.experiment.spec.models:
            for condition in self._conditions.values():
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
        for place in range(self.subjects_in_all):
            yield self.at(seed, place)

    def at(self, seed: str, place: int) -> Request:
        """Give the request that has this place, from 0, in the order of work."""
        cells, queries = list(self.cells()), len(self.experiment.queries)
        at, cell = divmod(place, len(cells))
        sample, query = divmod(at, queries)
        return self.subject(*cells[cell], self._order(seed)[query], sample)

    @property
    def subjects_in_all(self) -> int:
        """How many subject requests there are."""
        queries, samples = len(self.experiment.queries), self.experiment.spec.samples
        return len(list(self.cells())) * queries * samples

    def _order(self, seed: str) -> list[int]:
        """Give the queries in the order that is drawn from a seed."""
        if seed not in self._orders:
            order = list(range(len(self.experiment.queries)))
            random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
            self._orders = {seed: order}
        return self._orders[seed]

    def subject(self, model: str, condition: Condition, query: int, sample: int) -> Request:
        """Build one subject request."""
        return self._request(
            SUBJECT, model, condition.name, query, sample, self._prompt(model, condition, query)
        )

    def _prompt(self, model: str, condition: Condition, query: int) -> tuple[Message, ...]:
        """Render a subject's messages; samples of a query, which follow each other, share them."""
        key = (model, condition.name, query)
        if SUBJECT not in self._last or self._last[SUBJECT][0] != key:
            variables = condition.variables | {"query": self.experiment.queries[query]}
            templates = self.experiment.spec.messages
            messages = self._render(templates, variables, model, "messages", condition.name)
            self._last[SUBJECT] = key, messages
        return self._last[SUBJECT][1]

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

    def again(self, request: Request, text: str) -> int:
        """Say how often a request may be sent again because of what its text is; mostly 0."""
        spec = self.experiment.spec
        if request.stage == SUBJECT:
            again = spec.answer.again
            return 0 if again == 0 or self.read(request, text).output else again
        judge = next(each for each in spec.judges if each.name == request.stage)
        return 0 if judge.again == 0 or read_verdict(text) else judge.again

    def _votes(self, judge: Judge, subject: Request, answer: Answer | None) -> Iterator[Request]:
        key = (subject.condition, subject.query, answer)
        if judge.name not in self._last or self._last[judge.name][0] != key:
            variables = self._conditions[subject.condition].variables | {
                "query": self.experiment.queries[subject.query],
                "output": answer.output if answer else "",
                "reasoning": answer.reasoning if answer else "",
            }
            where = f"judges.{judge.name}.messages"
            messages = self._render(
                judge.messages, variables, judge.model, where, subject.condition
            )
            self._last[judge.name] = key, messages
        messages = self._last[judge.name][1]
        for vote in range(judge.samples):
            yield self._request(
                judge.name,
                judge.model,
                subject.condition,
                subject.query,
                subject.sample,
                messages,
                vote,
                subject.id,
            )

    def _request(  # noqa: PLR0913 - the fields of Request
        self,
        stage: str,
        model: str,
        condition: str,
        query: int,
        sample: int,
        messages: tuple[Message, ...],
        vote: int = 0,
        subject: str | None = None,
    ) -> Request:
        texts = [(role, _digest(text)) for role, text in messages]
        what = [stage, model, condition, query, sample, vote, subject, texts]
        sent = f"{json.dumps(what)}{self._sampling_text[stage]}"
        return Request(
            _digest(sent)[:24],
            stage,
            model,
            condition,
            query,
            sample,
            messages,
            self._sampling[stage],
            vote,
            subject,
        )

    def _render(
        self,
        templates: tuple[MessageTemplate, ...],
        variables: dict[str, Any],
        model: str,
        where: str,
        condition: str,
    ) -> tuple[Message, ...]:
        if templates[-1].role == "assistant" and not self._takes_prefill[model]:
            templates = templates[:-1]
        messages = tuple(
            Message(
                each.role,
                self.templates.render(each.content, variables, f"{where}[{number}]", condition),
            )
            for number, each in enumerate(templates)
        )
        if not messages or not any(message.content for message in messages):
            raise BadTemplate(f"{where}: no message is left to send to {model}")
        return messages

    def _models(self) -> set[str]:
        spec = self.experiment.spec
        return {*spec.models, *(judge.model for judge in spec.judges)}


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


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
