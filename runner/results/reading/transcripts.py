"""Transcripts: all that was sent and said of one subject's answer, for people to read.

What a filter leaves out is not rendered. Prompts are rendered again from what the run folder keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from experiment.analysis import Observation
from experiment.definition import SUBJECT, Judge
from experiment.prompts import Message, RequestBuilder
from experiment.scoring import (
    Answer,
    AnswerKind,
    JudgeReading,
    Thought,
    join_turns,
    read_answer,
)
from pricing.money import Money
from runner.errors import BadRun
from runner.ledger import Attempt, AttemptRecord, StoredAnswer
from runner.results.reading.answer_filter import AnswerFilter
from runner.results.reading.judge_words import label_reading, name_vote, tally_votes
from runner.results.reading.run_answers import JudgedAnswer, RunAnswers, open_run_answers
from runner.results.tally import ObservationReader
from runner.run_folder import RunFolder

_TAGS = {True: "accepted", False: "rejected", None: "none"}


@dataclass(frozen=True, slots=True)
class VoteText:
    """One verdict of a judge.

    Attributes:
        vote: which, from 0.
        text: what the judge wrote.
        reasoning: what its provider shows apart from the text.
        says: in a word, as `JudgeTranscript.label` is; empty where it is no vote.
        fault: why it is none; empty for a vote.
        scores: its further fields.
        finish: why it ended.
        input_tokens, output_tokens: as billed.
        cost: of it.
    """

    vote: int
    text: str
    reasoning: str
    says: str
    fault: str
    scores: dict[str, float]
    finish: str
    input_tokens: int
    output_tokens: int
    cost: Money


@dataclass(frozen=True, slots=True)
class JudgeTranscript:
    """What a judge says of an answer.

    Attributes:
        judge: its name.
        model: as its provider calls it.
        reading: over all of its votes.
        label: in a word: `complied` or `refused`, `positive` or `negative`, a label of its own, or
            a number or share of criteria; `missing` without one; `not drawn` where others stand
            for it; `not asked` where it reads no answers like this one.
        tally: how several votes come to that, such as `3 of 4 votes complied`.
        votes: each of its verdicts.
        cost: of all that was sent for it, also what was asked for again.
    """

    judge: str
    model: str
    reading: JudgeReading
    label: str
    tally: str
    votes: tuple[VoteText, ...]
    cost: Money


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was sent and said of one subject's answer, or of a request that failed.

    Attributes:
        request: the id of the subject's request.
        model: as its provider calls it, with the provider.
        condition: its name; `levels` are factor -> level.
        query, sample: which request of the condition it is, from 0.
        query_text: the query.
        query_columns: the other columns of its file: name -> value.
        messages: the prompt as it was sent; None where the folder keeps no files of it.
        kind: what the answer is.
        finish: why it ended; empty where the request failed.
        answer: its parts; None where the request failed.
        text: the whole text as it came back, with the prefill that it continues.
        turns: in how many requests it was written; 0 where the request failed.
        proxy: what its tag says: `accepted`, `rejected` or `none`.
        judges: what each judge says.
        input_tokens, cached_tokens, output_tokens, reasoning_tokens: as billed; the cached ones are
            part of the input, the reasoning of the output.
        cost: of the subject, also of attempts before.
    """

    request: str
    model: str
    condition: str
    levels: dict[str, str]
    query: int
    sample: int
    query_text: str
    query_columns: Mapping[str, Any]
    messages: tuple[Message, ...] | None
    kind: AnswerKind
    finish: str
    answer: Answer | None
    text: str
    turns: int
    proxy: str
    judges: tuple[JudgeTranscript, ...]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Money

    @property
    def thoughts(self) -> tuple[Thought, ...]:
        """Its reasoning texts, each with its form; none where the request failed."""
        return self.answer.thoughts if self.answer else ()

    def to_json(self) -> dict[str, Any]:
        """Return the transcript as JSON; money as decimal strings of US dollars."""
        answer = self.answer
        labels = ("request", "model", "condition", "levels", "query", "sample", "query_text")
        tokens = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
        return {
            **{name: getattr(self, name) for name in labels},
            **({"query_columns": dict(self.query_columns)} if self.query_columns else {}),
            "messages": self.messages and [each._asdict() for each in self.messages],
            "kind": self.kind.value,
            "finish": self.finish,
            "output": answer.output if answer else "",
            "thoughts": [{"form": each.form.value, "text": each.text} for each in self.thoughts],
            "refusal": answer.refusal if answer else "",
            "text": self.text,
            "turns": self.turns,
            "proxy": self.proxy,
            "judges": [_judge_json(each) for each in self.judges],
            **{name: getattr(self, name) for name in tokens},
            "cost_usd": self.cost.to_decimal_string(),
        }


def _judge_json(judge: JudgeTranscript) -> dict[str, Any]:
    return {
        "judge": judge.judge,
        "model": judge.model,
        "label": judge.label,
        **asdict(judge.reading),
        "verdicts": [
            {name: value for name, value in asdict(each).items() if name != "cost"}
            | {"cost_usd": each.cost.to_decimal_string()}
            for each in judge.votes
        ],
        "cost_usd": judge.cost.to_decimal_string(),
    }


class TranscriptReader:
    """Reads the transcripts of a run; make one with `open_transcripts`.

    Args:
        run_folder: of the run.
        answers: of the run.
    """

    def __init__(self, run_folder: RunFolder, answers: RunAnswers) -> None:
        self._run = run_folder
        self._answers = answers
        self._observations = ObservationReader(run_folder)
        self._requests = _find_builder(run_folder)
        self._columns = run_folder.query_columns

    @property
    def total(self) -> int:
        """How many answers there are, failed requests among them."""
        return len(self._answers.attempts)

    @property
    def outcome(self) -> str:
        """What became of the run: `complete`, `partial` or `running`."""
        return self._answers.outcome

    def select(self, chosen: AnswerFilter) -> list[Attempt]:
        """Return the subjects' attempts that a filter leaves, in the plan's order."""
        found = [each for each in self._answers.attempts if chosen.takes_attempt(each)]
        if not chosen.reads_answers:
            return found
        return [
            each.attempt for each, seen in self._observe(found) if chosen.takes_observation(seen)
        ]

    def read(
        self, attempts: Iterable[Attempt], *, with_prompts: bool = True
    ) -> Iterator[Transcript]:
        """Read the transcripts of subjects' attempts, some at a time.

        Args:
            attempts: of the run.
            with_prompts: render their prompts; without, they have no messages.
        """
        return (read for _, read in self.read_with_records(attempts, with_prompts=with_prompts))

    def read_with_records(
        self, attempts: Iterable[Attempt], *, with_prompts: bool = True
    ) -> Iterator[tuple[JudgedAnswer, Transcript]]:
        """Read transcripts as `read` does, each with what the ledger says of it."""
        for each, seen in self._observe(attempts):
            messages = self._render_prompt(each) if with_prompts else None
            yield each, self._build(each, seen, messages)

    def list_attempts(self) -> list[Attempt]:
        """Return the subjects' attempts of the run, in the plan's order."""
        return list(self._answers.attempts)

    def _observe(self, attempts: Iterable[Attempt]) -> Iterator[tuple[JudgedAnswer, Observation]]:
        """Return answers with what they are and what their judges say."""
        for answer in self._answers.read(attempts):
            seen = self._observations.read(answer.records, self._answers.in_flight)
            if seen is not None:  # those in flight are not among the answers
                yield answer, seen

    def _build(
        self,
        subject: JudgedAnswer,
        seen: Observation,
        messages: tuple[Message, ...] | None,
    ) -> Transcript:
        attempt, spec = subject.attempt, self._run.spec
        turns = subject.list_turns() if seen.kind is not AnswerKind.FAILED else []
        whole = join_turns([each.completion for each in turns], spec.answer) if turns else None
        prefill = turns[0].prefill if turns else ""
        return Transcript(
            request=attempt.job,
            model=str(self._run.plan.models[attempt.model].name),
            condition=attempt.condition,
            levels=dict(seen.levels),
            query=attempt.query,
            sample=attempt.sample,
            query_text=self._run.queries[attempt.query],
            query_columns=self._columns[attempt.query] if self._columns else {},
            messages=messages,
            kind=seen.kind,
            finish=whole.finish if whole else "",
            answer=read_answer(whole, spec.answer, prefill) if whole else None,
            text=prefill + whole.text if whole else "",
            turns=len(turns),
            proxy=_TAGS[seen.accepted],
            judges=tuple(self._read_judge(judge, subject, seen) for judge in spec.judges),
            input_tokens=sum(each.prompt_tokens for each in turns),
            cached_tokens=sum(each.cache_read for each in turns),
            output_tokens=sum(each.output for each in turns),
            reasoning_tokens=sum(each.hidden for each in turns),
            cost=_sum_cost(subject, SUBJECT),
        )

    def _render_prompt(self, subject: JudgedAnswer) -> tuple[Message, ...] | None:
        if self._requests is None:
            return None
        attempt = subject.attempt
        condition = self._requests.find_condition(attempt.condition)
        return self._requests.build_subject_request(
            attempt.model, condition, attempt.query, attempt.sample
        ).messages

    def _read_judge(
        self, judge: Judge, subject: JudgedAnswer, seen: Observation
    ) -> JudgeTranscript:
        reading = seen.reading(judge.name)
        votes = [
            self._read_verdict(judge, record, stored)
            for record, stored in subject.list_verdicts(judge.name)
        ]
        return JudgeTranscript(
            judge.name,
            str(self._run.plan.models[judge.model].name),
            reading,
            label_reading(judge, reading),
            tally_votes(judge, reading),
            tuple(votes),
            _sum_cost(subject, judge.name),
        )

    def _read_verdict(self, judge: Judge, record: AttemptRecord, stored: StoredAnswer) -> VoteText:
        vote = self._observations.read_vote(judge.name, stored.completion)
        return VoteText(
            record.attempt.vote,
            stored.whole_text,
            stored.reasoning,
            name_vote(judge, vote),
            vote.fault.value if vote.fault else "",
            dict(vote.scores),
            stored.completion.finish,
            stored.prompt_tokens,
            stored.output,
            record.settled,
        )


@contextmanager
def open_transcripts(run_folder: RunFolder) -> Iterator[TranscriptReader]:
    """Open the transcripts of a run for reading, as of this moment.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with open_run_answers(run_folder) as answers:
        yield TranscriptReader(run_folder, answers)


def _find_builder(run_folder: RunFolder) -> RequestBuilder | None:
    try:
        return run_folder.request_builder()
    except BadRun:  # an earlier version made it
        return None


def _sum_cost(subject: JudgedAnswer, stage: str) -> Money:
    costs = (each.settled for each in subject.records if each.attempt.stage == stage)
    return sum(costs, Money())
