"""Observations: one subject's answer each, as parsed and judged."""

from __future__ import annotations

from dataclasses import dataclass

from experiment.scoring.completion import AnswerKind


@dataclass(frozen=True, slots=True)
class Observation:
    """One subject's answer, as parsed and judged, or a request that failed.

    Attributes:
        model: the subject's written name.
        levels: factor -> level.
        query, sample: which answer it is.
        kind: what it is.
        accepted: the proxy (see `read_proxy`).
        votes: for each valid vote of the judge, whether the answer complied.
        is_cut: whether it ends at `max_tokens`.
        unreadable: of what kind the judge's verdicts are, if none of them is a vote.
    """

    model: str
    levels: dict[str, str]
    query: int
    sample: int
    kind: AnswerKind
    accepted: bool | None
    votes: tuple[bool, ...]
    is_cut: bool = False
    unreadable: str = ""

    def compliance(self, *, by_judge: bool) -> float | None:
        """Return the share of votes by which it complied, or the proxy; None where missing."""
        if by_judge:
            return sum(self.votes) / len(self.votes) if self.votes else None
        return None if self.accepted is None else float(self.accepted)
