"""What a pilot will send, and what a cap covers of it, before it is approved."""

from __future__ import annotations

from afcost.rendering import console as draw
from pricing.money import Money
from runner.pilot import PilotGoal, PilotOutline, PilotSize


def describe_outline(outline: PilotOutline, goal: PilotGoal) -> list[str]:
    """Return in lines what a pilot sends, at least and at most, and when it stops."""
    what = (
        f"asks {_join_sizes(outline)} queries of each of {outline.strata:,} strata (a model in a "
        "condition), one sample of each, and the judges of these answers"
    )
    sizes = dict.fromkeys([outline.least, outline.most])
    lines = [what, *map(_describe_size, sizes)]
    if outline.least.queries < outline.most.queries:
        lines.append(
            f"stops once the 90% range of what the output left costs is within ±{goal.width:.0%}"
        )
    return lines


def _join_sizes(outline: PilotOutline) -> str:
    least, most = outline.least.queries, outline.most.queries
    return f"{least:,} to {most:,}" if least < most else f"{most:,}"


def _describe_size(size: PilotSize) -> str:
    likely, ceiling = draw.format_dollars(size.likely), draw.format_dollars(size.ceiling)
    return (
        f"  {size.queries:,} of each: {size.answers:,} answers, {size.calls:,} calls at most; "
        f"likely {likely}, ceiling {ceiling}"
    )


def describe_pilot_cap(cap: Money, spent: Money, outline: PilotOutline) -> str:
    """Return in words what a cap covers of a pilot.

    Args:
        cap: of the whole study.
        spent: by it so far.
        outline: of the pilot.
    """
    left = max(cap - spent, Money())
    if left >= outline.most.ceiling:
        covers = "it covers the pilot, whatever the models answer"
    elif left >= outline.least.ceiling:
        covers = "it covers the first look; after that, the pilot goes on while it covers more"
    else:
        covers = f"it may not cover {outline.least.queries} queries of each; fewer are asked then"
    return f"cap {cap} for the whole study, {left} of it is left: {covers}"
