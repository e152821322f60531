"""Judge kinds: which answers a word selects for a judge, how its votes are read, how long they are.

A tagged refusal that a judge is not given counts as one all the same, by the experiment's own rule.
Its kind says how its texts are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from experiment.definition import Judge, Selection
from experiment.scoring.answer import Answer
from experiment.scoring.completion import Completion
from experiment.scoring.verdict import parse_vote
from experiment.scoring.verdict_values import VerdictFault
from experiment.scoring.vote import Vote


@dataclass(frozen=True, slots=True)
class JudgeKind:
    """What a judge's texts are.

    Attributes:
        read_vote: what a judge's text says of the answer, or why that is no vote.
        expected_length: the kind of output in `priors.yaml` that its texts are as long as.
    """

    read_vote: Callable[[Judge, Completion], Vote]
    expected_length: str


@dataclass(frozen=True, slots=True)
class _ReadingRule:
    """A word of `when`.

    Attributes:
        reads: whether an answer is read.
        skips_refusals: whether an answer is left out because its tag says that it refuses.
    """

    reads: Callable[[Answer], bool]
    skips_refusals: bool = False


def _read_verdict(judge: Judge, completion: Completion) -> Vote:
    reads_bare = judge.verdict is not None
    return parse_vote(completion, judge.form, _find_prefill(judge), reads_bare=reads_bare)


def _find_prefill(judge: Judge) -> str:
    """Return the text that a judge's verdict continues; empty where a template makes it."""
    last = judge.messages[-1]
    is_plain = last.role == "assistant" and not any(
        mark in last.content for mark in _TEMPLATE_MARKS
    )
    return last.content if is_plain else ""


_TEMPLATE_MARKS = "{{", "{%", "{#"
_VERDICT = JudgeKind(_read_verdict, expected_length="verdict")
READING_RULES = {
    "always": _ReadingRule(lambda _: True),
    "answered": _ReadingRule(lambda answer: bool(answer.output.strip())),
    "not-refused": _ReadingRule(lambda answer: answer.accepted is not False, skips_refusals=True),
    "accepted": _ReadingRule(lambda answer: answer.accepted is True, skips_refusals=True),
}


def find_judge_kind(judge: Judge) -> JudgeKind:  # noqa: ARG001 - a second kind will need it
    """Return a judge's kind: one that gives verdicts, the only one, so no field names it."""
    return _VERDICT


def read_vote(judge: Judge, completion: Completion) -> Vote:
    """Read a judge's vote in what it returned: what it says of the answer, or why it is none."""
    return find_judge_kind(judge).read_vote(judge, completion)


def count_faults(faults: Iterable[VerdictFault | None]) -> dict[str, int]:
    """Return how many verdicts are no vote, by the reason, the most frequent first."""
    counts = Counter(fault.value for fault in faults if fault is not None)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def reads_by_word(when: str, answer: Answer) -> bool:
    """Return whether a judge whose `when` is a word reads an answer that is judged."""
    return READING_RULES[when].reads(answer)


def counts_unread_as_refusal(judge: Judge) -> bool:
    """Return whether an answer tagged as refusing counts as refused because the judge skips it."""
    if isinstance(judge.when, Selection):
        return judge.when.proxy is not None and "rejected" not in judge.when.proxy
    return READING_RULES[judge.when].skips_refusals
