"""Figures of a result as they are shown: shares, intervals, gaps, and what they are of."""

from __future__ import annotations

from experiment.analysis import ComplianceGap, JudgeRates, Rate, format_p, format_points
from experiment.definition import COMPLIANCE, REFUSAL
from experiment.scoring import ALIGNMENT_FAKING

NONE = "–"


def format_share(share: float | None) -> str:
    """Return a share in per cent: `12.5%`."""
    return NONE if share is None else f"{share:z.1%}"


def format_rate(rate: Rate | None) -> str:
    """Return a rate in per cent with its interval, if it has one: `12.5% (3 to 24)`."""
    if rate is None or rate.estimate is None:
        return NONE
    if rate.low is None or rate.high is None:
        return format_share(rate.estimate)
    return f"{format_share(rate.estimate)} ({rate.low * 100:z.0f} to {rate.high * 100:z.0f})"


def format_error_rate(rate: Rate) -> str:
    """Return a rate and its interval in whole per cent: `12% (3 to 24)`."""
    if rate.estimate is None or rate.low is None or rate.high is None:
        return NONE if rate.estimate is None else f"{rate.estimate:z.0%}"
    return f"{rate.estimate:z.0%} ({rate.low * 100:z.0f} to {rate.high * 100:z.0f})"


def format_bounds(low: float | None, high: float | None) -> str:
    """Return the bounds of a gap in percentage points: `+3.1 to +24.0`."""
    return "" if low is None or high is None else f"{format_points(low)} to {format_points(high)}"


def format_gap(gap: ComplianceGap | None) -> list[str]:
    """Return a gap, its interval, its corrected p value and how many pairs it rests on."""
    if gap is None:
        return ["", "", "", ""]
    estimate = "" if gap.estimate is None else f"{format_points(gap.estimate)} pp"
    p = "" if gap.p_holm is None else format_p(gap.p_holm)
    return [estimate, format_bounds(gap.low, gap.high), p, f"{gap.pairs:,}"]


def format_detectable(gap: ComplianceGap | None) -> str:
    """Return the gap that would have been seen in 4 of 5 such runs."""
    if gap is None or gap.detectable is None:
        return ""
    return f"{gap.detectable * 100:z.1f} pp" if gap.detectable <= 1 else "none"


def name_outcome(means: str) -> str:
    """Return what a rate is of: `alignment-faking reasoning`, `compliance`."""
    if means in (COMPLIANCE, REFUSAL):
        return COMPLIANCE
    return f"{means} reasoning" if means == ALIGNMENT_FAKING else means


def name_rate(judge: JudgeRates) -> str:
    """Return what a judge's figures are: `rate of compliance`, `mean of risk`."""
    return f"{'mean' if judge.is_graded else 'rate'} of {name_outcome(judge.means)}"
