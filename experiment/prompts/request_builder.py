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
    SUBJECT,
    VERDICT_SCHEMA,
    Condition,
    Experiment,
    Judge,
    MessageTemplate,
    list_uses,
)
from experiment.errors import BadTemplate
from experiment.prompts.fences import disarm_text, make_fence
from experiment.prompts.known_verdicts import NO_VERDICTS, KnownVerdicts
from experiment.prompts.request import Message, Request
from experiment.prompts.templates import Templates
from experiment.scoring import (
    Answer,
    AnswerKind,
    AnswerPlace,
    Completion,
    choose_readers,
    depends_on_answer,
    list_possible_readers,
    may_read_in,
    may_read_kind,
    read_answer,
    read_vote,
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
            variables = condition.variables | {"query": self.experiment.queries[query]}
            templates = self.experiment.spec.messages
            kind = self._kinds[SUBJECT, model, condition.name]
            messages = self._render_messages(
                kind.sent_templates(templates), variables, model, "messages", condition.name
            )
            self._render_cache[SUBJECT] = key, messages
        return self._render_cache[SUBJECT][1]

    def build_judge_requests(
        self,
        subject: Request,
        answer: Answer | None,
        verdicts: KnownVerdicts = NO_VERDICTS,
        *,
        foresees: bool = False,
    ) -> Iterator[Request]:
        """Yield the judge requests for a subject's answer, one for each vote.

        Without an answer (before it is known) every judge that may read it reads an empty one.

        Args:
            subject: the request.
            answer: to it.
            verdicts: those about the answer that are known, for judges that wait for others.
            foresees: whether judges are among them that wait for what is not known yet.
        """
        for judge in self.list_readers(subject, answer, verdicts, foresees=foresees):
            yield from self._build_vote_requests(judge, subject, answer)

    def list_readers(
        self,
        subject: Request,
        answer: Answer | None,
        verdicts: KnownVerdicts = NO_VERDICTS,
        *,
        foresees: bool = False,
    ) -> list[Judge]:
        """Return the judges that read a subject's answer; as for `build_judge_requests`."""
        spec, place = self.experiment.spec, self._locate(subject)
        if answer is None:
            return list_possible_readers(spec.judges, place)

        def find_returned(judge: Judge) -> list[Completion] | None:
            votes = range(judge.samples)
            return verdicts.find(
                [self.verdict_id(subject.id, judge.name, v, answer) for v in votes]
            )

        choices = choose_readers(spec.judges, answer, spec.answer, place, find_returned)
        readers = {
            name for name, choice in choices.items() if (choice.reads if choice else foresees)
        }
        return [judge for judge in spec.judges if judge.name in readers]

    def count_verdicts(self, subject: Request) -> int:
        """Return how many judge requests a subject's answer may have, before it is known."""
        return sum(judge.samples for judge in self.list_readers(subject, None))

    def depends_on_answer(self, subject: Request, stage: str) -> bool:
        """Return whether only the answer to a subject decides that a judge reads it."""
        return depends_on_answer(self._find_judge(stage), self._locate(subject))

    def build_probes(self, probe: Answer) -> Iterator[Request]:
        """Yield requests about an answer that stands for others, of each judge that may read those.

        Each judge's are for the first condition that it names.
        """
        model, spec = self.cells[0][0], self.experiment.spec
        for judge in spec.judges:
            condition = next(
                each for each in self._conditions.values() if may_read_in(judge, each.levels)
            )
            if may_read_kind(judge, probe, spec.answer):
                subject = self.build_subject_request(model, condition, query=0, sample=0)
                yield from self._build_vote_requests(judge, subject, probe)

    def _find_judge(self, name: str) -> Judge:
        return next(each for each in self.experiment.spec.judges if each.name == name)

    def _locate(self, subject: Request) -> AnswerPlace:
        return AnswerPlace(self._conditions[subject.condition].levels, subject.id)

    def preview_messages(self, request: Request) -> tuple[Message, ...]:
        """Return the messages of a request as a person reads them before anything is sent.

        In a judge's, `[output]` and `[reasoning]` stand for the answer, which is not known yet.
        """
        if request.stage == SUBJECT:
            return request.messages
        judge = self._find_judge(request.stage)
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
        judge = self._find_judge(request.stage)
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
                self.verdict_id(subject.id, judge.name, vote, answer),
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
            query = self.experiment.queries[of.query]
            output, reasoning, refusal = map(disarm_text, _list_texts(answer))
            of_answer = {  # a condition of before may have variables of these names
                "refusal": refusal,
                "kind": (answer.kind if answer else AnswerKind.TEXT).value,
                "fence": make_fence((query, output, reasoning, refusal)),
            }
            variables = (
                of_answer
                | self._conditions[of.condition].variables
                | {"query": query, "output": output, "reasoning": reasoning}
            )
            where = f"judges.{judge.name}.messages"
            kind = self._kinds[judge.name, judge.model, of.condition]
            messages = self._render_messages(
                kind.sent_templates(judge.messages), variables, judge.model, where, of.condition
            )
            self._render_cache[slot] = key, _drop_empty_prefill(messages)
        return self._render_cache[slot][1]

    def verdict_id(self, job: str, stage: str, vote: int, answer: Answer | None) -> str:
        """Return the id of a verdict, whatever its template renders the second time.

        It is made of the job, the answer that is judged, the judge's definition and the vote. Its
        first letter tells it from the ids of earlier versions, digests of the rendered text.

        Args:
            job: id of the subject request.
            stage: the judge's name.
            vote: which vote, from 0.
            answer: of the subject; None before it is known.
        """
        judged = answer and [_hash_text(text) for text in answer.texts_of_identity]
        identity = [job, stage, vote, judged, self._define_judge(stage)]
        return f"{VERDICT_MARK}{_hash_text(json.dumps(identity))[:23]}"

    def _define_judge(self, stage: str) -> str:
        """Return the digest of a judge: its model, sampling, and templates with their files."""
        if stage not in self._definitions:
            judge = self._find_judge(stage)
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


def _list_texts(answer: Answer | None) -> tuple[str, str, str]:
    """Return what a judge may be given of an answer: its output, its reasoning, its refusal."""
    return (answer.output, answer.reasoning, answer.refusal) if answer else ("", "", "")


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
