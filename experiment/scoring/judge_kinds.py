"""Judge kinds: which answers a judge reads, how its votes are read, how long they are.

A judge's `when` selects the answers that it reads; a tagged refusal that it is not given counts as
one all the same, by the experiment's own rule. Its kind says how its texts are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from experiment.definition import Judge
from experiment.scoring.answer import Answer
from experiment.scoring.verdict import read_verdict


@dataclass(frozen=True, slots=True)
class JudgeKind:
    """What a judge's texts are.

    Attributes:
        read_vote: whether the answer complied, by a judge's text; None where that is no vote.
        expected_length: the kind of output in `priors.yaml` that its texts are as long as.
    """

    read_vote: Callable[[str], bool | None]
    expected_length: str


@dataclass(frozen=True, slots=True)
class _ReadingRule:
    """A value of `when`.

    Attributes:
        reads: whether an answer is read.
        skips_refusals: whether an answer is left out because its tag says that it refuses.
    """

    reads: Callable[[Answer], bool]
    skips_refusals: bool = False


def _read_compliance(text: str) -> bool | None:
    verdict = read_verdict(text)
    return None if verdict is None else not verdict.refused


_COMPLIANCE = JudgeKind(_read_compliance, expected_length="verdict")
READING_RULES = {
    "always": _ReadingRule(lambda _: True),
    "answered": _ReadingRule(lambda answer: bool(answer.output.strip())),
    "not-refused": _ReadingRule(lambda answer: answer.accepted is not False, skips_refusals=True),
    "accepted": _ReadingRule(lambda answer: answer.accepted is True, skips_refusals=True),
}


def find_judge_kind(judge: Judge) -> JudgeKind:  # noqa: ARG001 - a second kind will need it
    """Return a judge's kind: compliance, the only one, so no field of a judge names it."""
    return _COMPLIANCE


def reads_answer(judge: Judge, answer: Answer) -> bool:
    """Return whether a judge is given an answer to read."""
    return READING_RULES[judge.when].reads(answer)


def counts_unread_as_refusal(judge: Judge) -> bool:
    """Return whether an answer tagged as refusing counts as refused because the judge skips it."""
    return READING_RULES[judge.when].skips_refusals


def read_votes(judge: Judge, answer: Answer, texts: Iterable[str]) -> tuple[bool, ...]:
    """Read a judge's votes on an answer: whether it complied. What cannot be read is no vote."""
    votes = [find_judge_kind(judge).read_vote(text) for text in texts]
    if not votes and answer.accepted is False and counts_unread_as_refusal(judge):
        return (False,)
    return tuple(vote for vote in votes if vote is not None)
