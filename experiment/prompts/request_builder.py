"""The request builder: renders the API calls of an experiment, in the order of work."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from experiment.definition import (
    SUBJECT,
    Condition,
    Experiment,
    Judge,
)
from experiment.prompts.answer_turns import Turns, follow_turns
from experiment.prompts.joint_votes import group_requests
from experiment.prompts.judge_messages import JudgeMessages
from experiment.prompts.known_verdicts import NO_VERDICTS, KnownAnswers, KnownVerdicts
from experiment.prompts.message_renderer import MessageRenderer
from experiment.prompts.rendering import read_templates
from experiment.prompts.request import CacheMark, Message, Request
from experiment.prompts.request_ids import (
    OccurrenceCounter,
    Place,
    digest_content,
    name_subject,
    name_subject_of_before,
)
from experiment.prompts.request_kind import (
    KindKey,
    RequestKind,
    drop_empty_prefill,
    identify_written,
    leave_out_schema,
    list_kinds,
    refuse_turns,
)
from experiment.prompts.verdict_names import VerdictNames
from experiment.prompts.work_order import OrderedPlace, WorkOrder
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
    needs_turn,
    read_answer,
    read_vote,
)

if TYPE_CHECKING:  # it imports jinja2
    from experiment.prompts.rendering import Templates


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
        count_choices: returns how many answers of a written model one request with these sampling
            fields may ask for; by default one.
        repeats: (number of a cell, query) -> how many requests with the same content come before,
            where that is not 0; found by rendering all of them where it is not given.
        marks: (stage, model, condition) -> the beginning of the prompts that is to be cached.

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
        count_choices: Callable[[str, Mapping[str, Any]], int] = lambda *_: 1,
        repeats: Mapping[tuple[int, int], int] | None = None,
        marks: Mapping[KindKey, CacheMark] = {},
    ) -> None:
        self.experiment = experiment
        self.templates = templates or read_templates(experiment)
        self._conditions = {each.name: each for each in experiment.conditions()}
        spec = experiment.spec
        self.cells = tuple(itertools.product(spec.models, self._conditions.values()))
        self._numbers = {(m, each.name): n for n, (m, each) in enumerate(self.cells)}
        choose, identify = choose_sampling or leave_out_schema, identify or identify_written
        self._kinds = list_kinds(spec, takes_prefill, choose, identify, count_choices, marks)
        refuse_turns(experiment, self._kinds)
        self._repeats = None if repeats is None else dict(repeats)
        self._ids_of_before: dict[str, str] = {}
        self._rendered: tuple[object, tuple[Message, ...], str] | None = None
        self._verdicts = VerdictNames(experiment, self.templates, self._conditions, self._kinds)
        self._messages = MessageRenderer(experiment, self.templates, self._kinds)
        self._judge_messages = JudgeMessages(experiment, self._messages, self._conditions)
        self._order = WorkOrder(experiment, len(self.cells))

    def all_subject_requests(self) -> Iterator[Request]:
        """Yield every subject request: by model, condition, query, then sample."""
        counter, found = OccurrenceCounter(), dict[tuple[int, int], int]()
        fresh = self.find_fresh_cells()
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

    def find_fresh_cells(self) -> set[int]:
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
        """Yield every subject request in work order, as of `WorkOrder`."""
        for position in range(self.subject_count):
            yield self.request_at(seed, position)

    def request_at(self, seed: str, position: int) -> Request:
        """Return the request at this position, from 0, in work order."""
        cell, query, sample = self._order.locate(seed, position)
        model, condition = self.cells[cell]
        return self.build_subject_request(model, condition, query, sample)

    def find_place(self, seed: str, cell: int, query: int, sample: int) -> int | None:
        """Return at which position a request stands in work order; None where there is none."""
        return self._order.find(seed, OrderedPlace(cell, query, sample))

    @property
    def subject_count(self) -> int:
        """The number of subject requests."""
        return self._order.count

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
            variables = {
                **self.experiment.list_query_variables(query),
                **condition.variables,  # a level's own `row` comes first
                "query": self.experiment.queries[query],
            }
            kind = self._kinds[SUBJECT, model, condition.name]
            messages = self._messages.render(SUBJECT, model, condition.name, variables)
            content = digest_content(kind.sent, drop_empty_prefill(messages))
            self._rendered = key, messages, content
        return self._rendered[1:]

    def render_subject(
        self, model: str, condition: Condition, query: int
    ) -> tuple[tuple[Message, ...], str]:
        """Return a subject's messages as they are sent, and the digest of what is sent.

        `name_subject` makes the ids of its samples from the digest.
        """
        messages, content = self._render_subject(model, condition, query)
        return drop_empty_prefill(messages), content

    def render_blank(self, judge: Judge, condition: str, query: int) -> tuple[Message, ...]:
        """Return a judge's messages about an answer that is not known yet."""
        return self._judge_messages.render(judge, condition, query, None)

    def render_verdict(
        self, judge: Judge, condition: str, query: int, answer: Answer
    ) -> tuple[Message, ...]:
        """Return a judge's messages about an answer."""
        return self._judge_messages.render(judge, condition, query, answer)

    def find_blank_group(self, judge: Judge, condition: str) -> int | None:
        """Return a number that conditions share in which a judge is told the same of each query.

        That is before the answer is known. None where it is not known whether they are.
        """
        return self._judge_messages.find_blank_group(judge, condition)

    def find_kind(self, stage: str, model: str, condition: str) -> RequestKind:
        """Return what all requests of a stage, a model and a condition have in common."""
        return self._kinds[stage, model, condition]

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

    def group_requests(self, requests: Iterable[Request]) -> Iterator[tuple[Request, ...]]:
        """Yield requests in groups: a judge's votes on an answer that one request asks for."""
        return group_requests(
            requests, lambda each: self._kinds[each.stage, each.model, each.condition].choices
        )

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
                [self.verdict_id(subject.id, judge.name, v, answer, subject) for v in votes]
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
                messages, content = self._render_subject(model, condition, 0)
                subject = self._build_subject(model, condition.name, 0, 0, messages, content, 0)
                yield from self._build_vote_requests(judge, subject, probe)

    def find_possible_readers(self, condition: Condition, job: str) -> list[tuple[Judge, bool]]:
        """Return the judges that may read an answer, and whether only the answer decides that.

        Args:
            condition: of the subject request.
            job: its id, which counts only where a judge draws answers.
        """
        place = AnswerPlace(condition.levels, job)
        judges = list_possible_readers(self.experiment.spec.judges, place)
        return [(judge, depends_on_answer(judge, place)) for judge in judges]

    def find_condition(self, name: str) -> Condition:
        """Return the condition of a name."""
        return self._conditions[name]

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
        return self._judge_messages.preview(judge, request.condition, request.query)

    def read_subject_answer(self, request: Request, completion: Completion) -> Answer:
        """Parse what a model returned for a subject request."""
        return read_answer(completion, self.experiment.spec.answer, request.prefill)

    def follow_turns(self, subject: Request, answered: KnownAnswers) -> Turns:
        """Return what a subject's turns have come to, and the request that is next.

        Args:
            subject: the request of the first turn.
            answered: id -> what came back.
        """
        return follow_turns(subject, self.experiment.spec.answer, answered)

    def _goes_on(self, request: Request, completion: Completion) -> bool:
        """Return whether an answer that has no output goes on instead of being asked for again."""
        form = self.experiment.spec.answer
        if request.subject is not None:
            return True
        return form.turns > 1 and needs_turn(completion, form, request.prefill)

    def max_resends(self, request: Request, completion: Completion) -> int:
        """Return how often a request may be sent again because of its answer; usually 0."""
        spec = self.experiment.spec
        if request.stage == SUBJECT:
            if spec.answer.again == 0:
                return 0
            answer = self.read_subject_answer(request, completion)
            is_none = answer.kind in (AnswerKind.TRUNCATED, AnswerKind.EMPTY)
            return spec.answer.again if is_none and not self._goes_on(request, completion) else 0
        judge = self._find_judge(request.stage)
        if judge.again == 0 or read_vote(judge, completion).fault is None:
            return 0
        return judge.again

    def _build_vote_requests(
        self, judge: Judge, subject: Request, answer: Answer | None
    ) -> Iterator[Request]:
        messages = self._judge_messages.render(judge, subject.condition, subject.query, answer)
        kind = self._kinds[judge.name, judge.model, subject.condition]
        for vote in range(judge.samples):
            yield Request(
                self.verdict_id(subject.id, judge.name, vote, answer, subject),
                judge.name,
                judge.model,
                subject.condition,
                subject.query,
                subject.sample,
                messages,
                kind.sampling,
                vote,
                subject.id,
                mark=kind.mark,
            )

    def verdict_id(
        self, job: str, stage: str, vote: int, answer: Answer | None, of: Request | None = None
    ) -> str:
        """Return the id of a verdict; as of `VerdictNames.name`."""
        return self._verdicts.name(job, stage, vote, answer, of)

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
        kind = self._kinds[SUBJECT, model, condition]
        return Request(
            self._ids_of_before.get(id_, id_) if self._ids_of_before else id_,
            SUBJECT,
            model,
            condition,
            query,
            sample,
            drop_empty_prefill(messages),
            kind.sampling,
            mark=kind.mark,
        )
