"""What a cap below the likely cost pays for, in words."""

from __future__ import annotations

from estimator.design import ASSUMED, Reach
from experiment.definition import Target


def describe_reach(reach: Reach) -> str:
    """Return in words how many queries a cap likely reaches, and which gap they can show."""
    times = "" if reach.of_samples == 1 else f" x {reach.samples:,} of {reach.of_samples:,} samples"
    said = (
        f"it likely reaches {reach.queries:,} of {reach.of_queries:,} queries{times}, complete in "
        "all conditions"
    )
    return f"{said}. {_describe_gap(reach)}".rstrip()


def _describe_gap(reach: Reach) -> str:
    about = "queries like these" if reach.target is Target.LIKE_THESE else "these queries alone"
    if reach.whole_gap is None:
        return ""
    instead = f"{reach.whole_gap * 100:.1f} pp with the whole plan"
    if reach.gap is None or reach.gap > 1:
        return f"That shows no gap in {about} ({instead})"
    return (
        f"That shows a gap of {reach.gap * 100:.1f} pp in {about}, 4 times in 5 ({instead}; "
        f"{ASSUMED.source.partition(':')[0]} variances, as in afcost design)"
    )
