"""The request builder: renders the API calls of an experiment, in the order of work."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiment.definition import (
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
from experiment.prompts.request_ids import (
    OccurrenceCounter,
    Place,
    digest_content,
    digest_values,
    hash_text,
    is_of_before,
    name_subject,
    name_subject_of_before,
    name_verdict,
    name_verdict_of_before,
)
from experiment.prompts.templates import Templates
from experiment.scoring import (
    Answer,
    AnswerKind,
    Completion,
    read_answer,
    read_vote,
    reads_answer,
)

_PREVIEW = Answer.of_text("[output]", "[reasoning]")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What all requests of a stage, a model and a condition have in common.

    Attributes:
        sampling: the fields of the requests.
        sampling_text: the same as JSON.
        takes_prefill: whether a final assistant message is sent.
        sent: what they send beside their messages, as a text that is a part of their ids.
    """

    sampling: dict[str, Any]
    sampling_text: str
    takes_prefill: bool
    sent: str

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
        identify: returns what the requests of a written model with these sampling fields send
            beside their messages, as JSON values; by default the two themselves.
        repeats: (number of a cell, query) -> how many requests with the same content come before,
            where that is not 0; found by rendering all of them where it is not given.

    Attributes:
        cells: every (model, condition), the unit over which answers are balanced.
    """

    def __init__(  # noqa: PLR0913 - what requests are made of
        self,
        experiment: Experiment,
        takes_prefill: Callable[[str, Mapping[str, Any]], bool],
        templates: Templates | None = None,
        choose_sampling: Callable[[str, Mapping[str, Any]], dict[str, Any]] | None = None,
        *,
        identify: Callable[[str, Mapping[str, Any]], object] | None = None,
        repeats: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        self.experiment = experiment
        self.templates = templates or Templates(experiment.folder, trust=experiment.trust)
        self._conditions = {each.name: each for each in experiment.conditions()}
        spec = experiment.spec
        self.cells = tuple(itertools.product(spec.models, self._conditions.values()))
        self._numbers = {(m, each.name): n for n, (m, each) in enumerate(self.cells)}
        choose, identify = choose_sampling or _leave_out_schema, identify or _identify_written
        self._kinds = {
            (use.stage, use.model, use.condition.name): _Kind(
                sampling,
                json.dumps(sampling, sort_keys=True),
                takes_prefill(use.model, sampling),
                json.dumps(identify(use.model, sampling), sort_keys=True, default=str),
            )
            for use in list_uses(spec)
            for sampling in [choose(use.model, use.sampling)]
        }
        self._repeats = None if repeats is None else dict(repeats)
        self._ids_of_before: dict[str, str] = {}
        self._told: dict[tuple[str, str], tuple[str, bool]] = {}
        self._definitions: dict[tuple[str, bool], str] = {}
        self._rendered: tuple[object, tuple[Message, ...], str] | None = None
        self._render_cache: dict[object, tuple[object, tuple[Message, ...]]] = {}
        self._orders: dict[str, list[int]] = {}

    def all_subject_requests(self) -> Iterator[Request]:
        """Yield every subject request: by model, condition, query, then sample."""
        counter, found = OccurrenceCounter(), dict[tuple[int, int], int]()
        fresh = self._find_fresh_cells()
        for cell, (model, condition) in enumerate(self.cells):
            if cell in fresh:
                counter.forget()
            for query in range(len(self.experiment.queries)):
                messages, content = self._render_subject(model, condition, query)
                if occurrence := counter.count(content):
                    found[cell, query] = occurrence
                for sample in range(self.experiment.spec.samples):
                    yield self._build_subject(
                        model, condition.name, query, sample, messages, content, occurrence
                    )
        self._repeats = found

    def _find_fresh_cells(self) -> set[int]:
        """Return the cells from which on no content can be one of an earlier cell."""
        sent = [self._kinds[SUBJECT, model, each.name].sent for model, each in self.cells]
        last, fresh, reach = {each: cell for cell, each in enumerate(sent)}, set[int](), 0
        for cell, each in enumerate(sent):
            if cell > reach:
                fresh.add(cell)
            reach = max(reach, last[each])
        return fresh

    @property
    def repeats(self) -> dict[tuple[int, int], int]:
        """What `repeats` is of a builder that is not given it: found by rendering all requests."""
        if self._repeats is None:
            for _ in self.all_subject_requests():
                pass
        assert self._repeats is not None  # noqa: S101 - all requests were built
        return self._repeats

    def find_ids_of_before(self, known: Collection[str]) -> dict[str, str]:
        """Return the ids of this version -> those that an earlier version gave the same requests.

        Args:
            known: the ids to find, such as those in a ledger.
        """
        pairs = ((each.id, self._name_as_before(each)) for each in self.all_subject_requests())
        return {id_: before for id_, before in pairs if before in known}

    def digest_as_before(self) -> str:
        """Return the digest of all subject requests as a plan of an earlier version has it."""
        digest = hashlib.sha256()
        for each in self.all_subject_requests():
            digest.update(self._name_as_before(each).encode())
        return digest.hexdigest()

    @property
    def ids_of_before(self) -> dict[str, str]:
        """The ids of this version -> those of an earlier one that requests have instead."""
        return self._ids_of_before

    def keep_ids_of_before(self, ids: Mapping[str, str]) -> None:
        """Give requests the ids that a ledger of before has for them.

        Args:
            ids: id of this version -> that of before, as `find_ids_of_before` returns them.
        """
        self._ids_of_before = dict(ids)

    def _name_as_before(self, request: Request) -> str:
        model, condition = request.model, self._conditions[request.condition]
        place = Place(model, condition.name, request.query, request.sample)
        messages, _ = self._render_subject(model, condition, request.query)
        text = self._kinds[SUBJECT, model, condition.name].sampling_text
        return name_subject_of_before(place, messages, text)

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
        messages, content = self._render_subject(model, condition, query)
        occurrence = self.repeats.get((self._numbers[model, condition.name], query), 0)
        return self._build_subject(
            model, condition.name, query, sample, messages, content, occurrence
        )

    def _render_subject(
        self, model: str, condition: Condition, query: int
    ) -> tuple[tuple[Message, ...], str]:
        """Render a subject's messages, with the digest of what is sent.

        Consecutive samples of a query share them.
        """
        key = (model, condition.name, query)
        if self._rendered is None or self._rendered[0] != key:
            variables = condition.variables | {"query": self.experiment.queries[query]}
            templates = self.experiment.spec.messages
            kind = self._kinds[SUBJECT, model, condition.name]
            messages = self._render_messages(
                kind.sent_templates(templates), variables, model, "messages", condition.name
            )
            content = digest_content(kind.sent, _drop_empty_prefill(messages))
            self._rendered = key, messages, content
        return self._rendered[1:]

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
                self.verdict_id(subject.id, judge.name, vote, answer, subject),
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
        self, job: str, stage: str, vote: int, answer: Answer | None, of: Request | None = None
    ) -> str:
        """Return the id of a verdict, whatever its template renders the second time.

        It is made of the job, the answer that is judged, the judge's definition, the vote, and what
        the judge is told of the condition and the query, which are no part of the job's id. Its
        first letter tells it from the ids of earlier versions, digests of the rendered text.

        Args:
            job: id of the subject request.
            stage: the judge's name.
            vote: which vote, from 0.
            answer: of the subject; None before it is known.
            of: the subject request; None for a job of an earlier version, whose id says all of it.
        """
        judged = answer and [hash_text(text) for text in answer.texts_of_identity]
        if of is None or is_of_before(job):
            definition = self._define_judge(stage, of_before=True)
            return name_verdict_of_before([job, stage, vote, judged, definition])
        definition, told = self._define_judge(stage), self._digest_told(stage, of)
        return name_verdict(job, stage, str(vote), " ".join(judged or ()), definition, told)

    def _digest_told(self, stage: str, of: Request) -> str:
        """Return a digest of the condition's variables and the query, as far as a judge uses them.

        A template that chooses its files by a variable may use all of them.
        """
        key = (stage, of.condition)
        if key not in self._told:
            used: set[str] | None = set()
            for each in self._sent_judge_templates(stage):
                names = self.templates.list_variables(each.content)
                used = None if names is None or used is None else used | names
            given = self._conditions[of.condition].variables
            told = {name: given[name] for name in given if used is None or name in used}
            self._told[key] = digest_values(told), used is None or "query" in used
        values, has_query = self._told[key]
        query = hash_text(self.experiment.queries[of.query]) if has_query else ""
        return f"{values} {query}"

    def _sent_judge_templates(self, stage: str) -> tuple[MessageTemplate, ...]:
        judge = next(each for each in self.experiment.spec.judges if each.name == stage)
        kind = next(kind for key, kind in self._kinds.items() if key[0] == stage)
        return kind.sent_templates(judge.messages)

    def _define_judge(self, stage: str, *, of_before: bool = False) -> str:
        """Return the digest of a judge: what it sends, with its templates and their files.

        Args:
            stage: the judge's name.
            of_before: as earlier versions made it, of the model and the sampling as written.
        """
        key = (stage, of_before)
        if key not in self._definitions:
            judge = next(each for each in self.experiment.spec.judges if each.name == stage)
            kind = next(kind for key, kind in self._kinds.items() if key[0] == stage)
            templates = kind.sent_templates(judge.messages)
            files: dict[str, str] = {}
            for each in templates:
                files |= self.templates.list_named_files(each.content)
            texts = [(each.role, hash_text(each.content)) for each in templates]
            named = sorted(files.items())
            definition = [judge.model, texts, named, kind.sampling_text]
            written = definition if of_before else [kind.sent, texts, named]
            self._definitions[key] = hash_text(json.dumps(written))
        return self._definitions[key]

    def _build_subject(  # noqa: PLR0913 - what a request is made of
        self,
        model: str,
        condition: str,
        query: int,
        sample: int,
        messages: tuple[Message, ...],
        content: str,
        occurrence: int,
    ) -> Request:
        id_ = name_subject(content, sample, occurrence)
        return Request(
            self._ids_of_before.get(id_, id_) if self._ids_of_before else id_,
            SUBJECT,
            model,
            condition,
            query,
            sample,
            _drop_empty_prefill(messages),
            self._kinds[SUBJECT, model, condition].sampling,
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


def _identify_written(model: str, sampling: Mapping[str, Any]) -> object:
    return [model, sampling]


def _drop_empty_prefill(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages without a final assistant message that has no text, which is no prefill.

    Servers take it for a turn of its own. The ids of earlier versions count it.
    """
    empty = messages[-1] == ("assistant", "")
    return messages[:-1] if empty else messages
