"""Evidence: what a gap shows, as a word and as a plain sentence."""

from __future__ import annotations

from enum import StrEnum

from experiment.analysis.gaps import ComplianceGap
from experiment.analysis.mean_estimate import SIGNIFICANT
from experiment.definition import Target

_SMALL = 0.001  # p values below it are not told apart


class Evidence(StrEnum):
    """Whether there is evidence of a gap, at 5 %, two-sided."""

    FOUND = "evidence"
    ALONE = "only without correction"
    NONE = "no evidence"
    UNKNOWN = "too few queries"


def find_evidence(gap: ComplianceGap) -> Evidence:
    """Return whether there is evidence of a gap: alone, and after the correction for many."""
    if gap.p is None:
        return Evidence.UNKNOWN
    if gap.p >= SIGNIFICANT:
        return Evidence.NONE
    corrected = gap.p if gap.p_holm is None else gap.p_holm
    return Evidence.FOUND if corrected < SIGNIFICANT else Evidence.ALONE


def describe_evidence(gap: ComplianceGap, name: str, *, beside: int = 1, noun: str = "gap") -> str:
    """Return a sentence: whether there is evidence of a gap, and which one could have been seen.

    Args:
        gap: to describe.
        name: what it is called in the sentence: `a gap in llama-3.1-70b, cot`.
        beside: for how many gaps its p value is adjusted.
        noun: what it is: a gap, or a difference of gaps.
    """
    if gap.target is Target.THESE:
        name = f"{name}, for these queries alone"
    if gap.low is None or gap.high is None or gap.estimate is None:
        if gap.target is Target.THESE:
            return f"nothing can be said of {name}: no query has two results at both levels"
        few = "only one query" if gap.pairs else "no query"
        return f"nothing can be said of {name}: {few} has a result at both levels"
    found = find_evidence(gap)
    chance = _describe_chance(gap, beside, noun) if found is not Evidence.NONE else ""
    measured = (
        f"{format_points(gap.estimate)} pp "
        f"(95% {format_points(gap.low)} to {format_points(gap.high)}{chance})"
    )
    detectable = _describe_detectable(gap, beside, noun)
    return f"{_BEGINNINGS[found]} {name}: {measured}; {detectable}{_doubt(gap)}"


def format_points(difference: float) -> str:
    """Format a difference of rates in percentage points: +0.8, -12.0; never -0.0."""
    return f"{difference * 100:+z.1f}"


def format_p(p: float) -> str:
    """Format a p value: 0.23, 0.004, <0.001."""
    if p < _SMALL:
        return f"<{_SMALL}"
    return f"{p:.3f}" if round(p, 2) < 0.1 else f"{p:.2f}"  # noqa: PLR2004 - a digit more


_BEGINNINGS = {
    Evidence.FOUND: "evidence of",
    Evidence.ALONE: "weak evidence of",
    Evidence.NONE: "no evidence of",
}


def _describe_chance(gap: ComplianceGap, beside: int, noun: str) -> str:
    """Return the p value, and after the correction where there are several gaps."""
    alone = f", p {format_p(gap.p or 0.0)}"
    if beside == 1 or gap.p_holm is None:
        return alone
    return f"{alone}; {format_p(gap.p_holm)} corrected for {beside} {noun}s"


def _describe_detectable(gap: ComplianceGap, beside: int, noun: str) -> str:
    """Return which true gap would have been seen; the correction for several finds fewer."""
    largest = 1 if noun == "gap" else 2  # from a gap of -1 to one of 1
    if gap.detectable is None or gap.detectable > largest:
        return f"with so few queries no {noun} would have been seen in 4 of 5 such runs"
    before = " before correction" if beside > 1 else ""
    size = f"{gap.detectable * 100:z.1f} pp"
    return f"a {noun} of {size} would have been seen{before} in 4 of 5 such runs"


def _doubt(gap: ComplianceGap) -> str:
    """Return how missing answers could undo a gap that there is evidence of; else nothing."""
    bounds = gap.bounds
    if find_evidence(gap) is Evidence.NONE or bounds is None or not bounds.low <= 0 <= bounds.high:
        return ""
    low, high = format_points(bounds.low), format_points(bounds.high)
    return f"; missing answers leave anything from {low} to {high} pp"
