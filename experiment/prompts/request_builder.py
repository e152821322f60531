"""The request builder: renders the API calls of an experiment, in the order of work."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from experiment.definition import (
    ROW,
    SUBJECT,
    VERDICT_SCHEMA,
    Condition,
    Experiment,
    Judge,
    MessageTemplate,
    list_uses,
)
from experiment.errors import BadTemplate
from experiment.prompts.request import Message, Request
from experiment.prompts.template_names import ANY_COLUMN
from experiment.prompts.templates import Templates
from experiment.scoring import (
    Answer,
    AnswerKind,
    Completion,
    read_answer,
    read_vote,
    reads_answer,
)

VERDICT_MARK = "v"  # no digest begins with it
_LONG_TEXT = 10_000  # characters
_PREVIEW = Answer.of_text("[output]", "[reasoning]")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What all requests of a stage, a model and a condition have in common."""

    sampling: dict[str, Any]
    sampling_text: str
    takes_prefill: bool

    def sent_templates(self, templates: tuple[MessageTemplate, ...]) -> tuple[MessageTemplate, ...]:
        """Return the messages without a prefill that the model does not take."""
        if templates[-1].role == "assistant" and not self.takes_prefill:
            return templates[:-1]
        return templates


class RequestBuilder:
    """Builds the requests of an experiment.

    Args:
        experiment: what is measured.
        takes_prefill: returns whether the model of a written name continues from a final
            assistant message in a request with these sampling fields; where it does not, that
            message is left out.
        templates: render the messages; by default with the files of the experiment's folder.
        choose_sampling: returns the sampling fields that the model of a written name is sent; by
            default all but a verdict's schema.

    Attributes:
        cells: every (model, condition), the unit over which answers are balanced.
    """

    def __init__(
        self,
        experiment: Experiment,
        takes_prefill: Callable[[str, Mapping[str, Any]], bool],
        templates: Templates | None = None,
        choose_sampling: Callable[[str, Mapping[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self.experiment = experiment
        self.templates = templates or Templates(experiment.folder, trust=experiment.trust)
        self._conditions = {each.name: each for each in experiment.conditions()}
        spec = experiment.spec
        self.cells = tuple(itertools.product(spec.models, self._conditions.values()))
        choose = choose_sampling or _leave_out_schema
        self._kinds = {
            (use.stage, use.model, use.condition.name): _Kind(
                sampling,
                json.dumps(sampling, sort_keys=True),
                takes_prefill(use.model, sampling),
            )
            for use in list_uses(spec)
            for sampling in [choose(use.model, use.sampling)]
        }
        self._definitions: dict[str, str] = {}
        self._columns: dict[str, frozenset[str]] = {}
        self._render_cache: dict[object, tuple[object, tuple[Message, ...]]] = {}
        self._orders: dict[str, list[int]] = {}

    def all_subject_requests(self) -> Iterator[Request]:
        """Yield every subject request: by model, condition, query, then sample."""
        for model, condition in self.cells:
            for query in range(len(self.experiment.queries)):
                for sample in range(self.experiment.spec.samples):
                    yield self.build_subject_request(model, condition, query, sample)

    def in_work_order(self, seed: str) -> Iterator[Request]:
        """Yield every subject request in work order.

        Breadth first: each query for all cells before the next query, queries in an order drawn
        from the seed, a second sample only after every query had its first. Wherever the work
        ends, no two cells differ by more than one request.
        """
        for position in range(self.subject_count):
            yield self.request_at(seed, position)

    def request_at(self, seed: str, position: int) -> Request:
        """Return the request at this position, from 0, in work order."""
        turn, cell = divmod(position, len(self.cells))
        sample, query = divmod(turn, len(self.experiment.queries))
        model, condition = self.cells[cell]
        return self.build_subject_request(model, condition, self._query_order(seed)[query], sample)

    @property
    def subject_count(self) -> int:
        """The number of subject requests."""
        queries, samples = len(self.experiment.queries), self.experiment.spec.samples
        return len(self.cells) * queries * samples

    def _query_order(self, seed: str) -> list[int]:
        """Return the query indexes in an order drawn from a seed."""
        if seed not in self._orders:
            order = list(range(len(self.experiment.queries)))
            random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
            self._orders = {seed: order}
        return self._orders[seed]

    def build_subject_request(
        self, model: str, condition: Condition, query: int, sample: int
    ) -> Request:
        """Build a single subject request."""
        messages = self._render_subject(model, condition, query)
        return self._build_subject(model, condition.name, query, sample, messages)

    def _render_subject(self, model: str, condition: Condition, query: int) -> tuple[Message, ...]:
        """Render a subject's messages; consecutive samples of a query share them."""
        key = (model, condition.name, query)
        if SUBJECT not in self._render_cache or self._render_cache[SUBJECT][0] != key:
            variables = (
                self.experiment.list_query_variables(query)  # a level's own `row` comes first
                | condition.variables
                | {"query": self.experiment.queries[query]}
            )
            templates = self.experiment.spec.messages
            kind = self._kinds[SUBJECT, model, condition.name]
            messages = self._render_messages(
                kind.sent_templates(templates), variables, model, "messages", condition.name
            )
            self._render_cache[SUBJECT] = key, messages
        return self._render_cache[SUBJECT][1]

    def build_judge_requests(self, subject: Request, answer: Answer | None) -> Iterator[Request]:
        """Yield the judge requests for a subject's answer, one for each vote.

        Without an answer (before it is known) every judge reads an empty one.
        """
        for judge in self.experiment.spec.judges:
            if answer is None or reads_answer(judge, answer, self.experiment.spec.answer):
                yield from self._build_vote_requests(judge, subject, answer)

    def preview_messages(self, request: Request) -> tuple[Message, ...]:
        """Return the messages of a request as a person reads them before anything is sent.

        In a judge's, `[output]` and `[reasoning]` stand for the answer, which is not known yet.
        """
        if request.stage == SUBJECT:
            return request.messages
        judge = next(each for each in self.experiment.spec.judges if each.name == request.stage)
        return self._render_judge(judge, request, _PREVIEW)

    def read_subject_answer(self, request: Request, completion: Completion) -> Answer:
        """Parse what a model returned for a subject request."""
        return read_answer(completion, self.experiment.spec.answer, request.prefill)

    def max_resends(self, request: Request, completion: Completion) -> int:
        """Return how often a request may be sent again because of its answer; usually 0."""
        spec = self.experiment.spec
        if request.stage == SUBJECT:
            again = spec.answer.again
            answer = self.read_subject_answer(request, completion)
            is_none = answer.kind in (AnswerKind.TRUNCATED, AnswerKind.EMPTY)
            return again if is_none else 0
        judge = next(each for each in spec.judges if each.name == request.stage)
        if judge.again == 0 or read_vote(judge, completion).fault is None:
            return 0
        return judge.again

    def _build_vote_requests(
        self, judge: Judge, subject: Request, answer: Answer | None
    ) -> Iterator[Request]:
        messages = self._render_judge(judge, subject, answer)
        sampling = self._kinds[judge.name, judge.model, subject.condition].sampling
        for vote in range(judge.samples):
            yield Request(
                self.verdict_id(subject.id, judge.name, vote, answer, subject.query),
                judge.name,
                judge.model,
                subject.condition,
                subject.query,
                subject.sample,
                messages,
                sampling,
                vote,
                subject.id,
            )

    def _render_judge(
        self, judge: Judge, of: Request, answer: Answer | None
    ) -> tuple[Message, ...]:
        """Render a judge's messages for the condition and query of a request."""
        key = (of.condition, of.query, answer)
        slot = (judge.name, answer is _PREVIEW)
        if slot not in self._render_cache or self._render_cache[slot][0] != key:
            of_answer = {  # a condition of before may have variables of these names
                "refusal": answer.refusal if answer else "",
                "kind": (answer.kind if answer else AnswerKind.TEXT).value,
            }
            variables = (
                of_answer
                | self.experiment.list_query_variables(of.query)
                | self._conditions[of.condition].variables
                | {
                    "query": self.experiment.queries[of.query],
                    "output": answer.output if answer else "",
                    "reasoning": answer.reasoning if answer else "",
                }
            )
            where = f"judges.{judge.name}.messages"
            kind = self._kinds[judge.name, judge.model, of.condition]
            messages = self._render_messages(
                kind.sent_templates(judge.messages), variables, judge.model, where, of.condition
            )
            self._render_cache[slot] = key, _drop_empty_prefill(messages)
        return self._render_cache[slot][1]

    def verdict_id(
        self,
        job: str,
        stage: str,
        vote: int,
        answer: Answer | None,
        query: int | None = None,
    ) -> str:
        """Return the id of a verdict, whatever its template renders the second time.

        It is made of the job, the answer that is judged, the judge's definition and the vote. Its
        first letter tells it from the ids of earlier versions, digests of the rendered text.

        Args:
            job: id of the subject request.
            stage: the judge's name.
            vote: which vote, from 0.
            answer: of the subject; None before it is known.
            query: the query's index; None in ledgers of before queries had other columns.
        """
        judged = answer and [_hash_text(text) for text in answer.texts_of_identity]
        identity: list[Any] = [job, stage, vote, judged, self._define_judge(stage)]
        if cells := [] if query is None else self._list_judged_cells(stage, query):
            identity.append(cells)
        return f"{VERDICT_MARK}{_hash_text(json.dumps(identity))[:23]}"

    def _list_judged_cells(self, stage: str, query: int) -> list[tuple[str, Any]]:
        """Return the columns of a query's row that a judge's templates use, with their values.

        A verdict is asked for again where one of them changed, such as a reference answer.
        """
        row = self.experiment.list_query_variables(query).get(ROW, {})
        if not row:
            return []
        if stage not in self._columns:
            judge = next(each for each in self.experiment.spec.judges if each.name == stage)
            names = [self.templates.list_names(each.content) for each in judge.messages]
            anything = [{ANY_COLUMN} for each in names if each.inserts]
            self._columns[stage] = frozenset().union(*(each.columns for each in names), *anything)
        used = self._columns[stage]
        return sorted((name, row[name]) for name in row if name in used or ANY_COLUMN in used)

    def _define_judge(self, stage: str) -> str:
        """Return the digest of a judge: its model, sampling, and templates with their files."""
        if stage not in self._definitions:
            judge = next(each for each in self.experiment.spec.judges if each.name == stage)
            kind = next(kind for key, kind in self._kinds.items() if key[0] == stage)
            templates = kind.sent_templates(judge.messages)
            files: dict[str, str] = {}
            for each in templates:
                files |= self.templates.list_named_files(each.content)
            texts = [(each.role, _hash_text(each.content)) for each in templates]
            definition = [judge.model, texts, sorted(files.items()), kind.sampling_text]
            self._definitions[stage] = _hash_text(json.dumps(definition))
        return self._definitions[stage]

    def _build_subject(
        self,
        model: str,
        condition: str,
        query: int,
        sample: int,
        messages: tuple[Message, ...],
    ) -> Request:
        texts = [(role, _hash_text(text)) for role, text in messages]
        identity = [SUBJECT, model, condition, query, sample, 0, None, texts]
        kind = self._kinds[SUBJECT, model, condition]
        return Request(
            _hash_text(f"{json.dumps(identity)}{kind.sampling_text}")[:24],
            SUBJECT,
            model,
            condition,
            query,
            sample,
            _drop_empty_prefill(messages),
            kind.sampling,
        )

    def _render_messages(
        self,
        templates: tuple[MessageTemplate, ...],
        variables: dict[str, Any],
        model: str,
        where: str,
        condition: str,
    ) -> tuple[Message, ...]:
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


def _leave_out_schema(_model: str, sampling: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sampling.items() if name != VERDICT_SCHEMA}


def _drop_empty_prefill(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages without a final assistant message that has no text, which is no prefill.

    Servers take it for a turn of its own. A subject's id still counts it, as it always has.
    """
    empty = messages[-1] == ("assistant", "")
    return messages[:-1] if empty else messages


def _hash_text(text: str) -> str:
    return _hash_short(text) if len(text) < _LONG_TEXT else _hash_long(text)


@lru_cache(maxsize=4096)
def _hash_short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_hash_long = lru_cache(maxsize=16)(_hash_short.__wrapped__)  # each may have megabytes
