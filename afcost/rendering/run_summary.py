"""A run in a few words: how it ended, what it spent, and whether its bills agree with the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afcost.rendering.console import format_dollars
from afcost.rendering.durations import format_duration
from afcost.rendering.next_step import describe_end
from estimator.counting import MIN_BILLS, is_offset
from runner.results import CountCheck, PriceCheck, RunState


def describe_outcome(report: RunState) -> str:
    """Describe a run's outcome in a phrase."""
    if report.outcome == "running":
        return "running, and about to stop" if report.reason else "running"
    return describe_end(report, report.end)


def describe_balance(report: RunState) -> str:
    """Return a run's balance in one line."""
    balance = report.balance
    parts = [f"spent {balance.settled}"]
    if balance.held:
        parts.append(f"held {balance.held} (sent, possibly billed)")
    if reserved := balance.reserved + balance.aside:
        parts.append(f"reserved {reserved}")
    return f"{', '.join(parts)}, {balance.free} left of the cap {balance.cap}"


def describe_turns(report: RunState) -> list[str]:
    """Return how many requests the answers took, where they are written in several turns."""
    counts = [(actual.turns, actual.requests) for _, actual in report.strata if actual.turns]
    turns, answers = (sum(each) for each in zip(*counts, strict=True)) if counts else (0, 0)
    if turns <= answers:
        return []
    return [f"{answers:,} answers in several turns took {turns:,} requests"]


def describe_count_check(name: str, check: CountCheck) -> str:
    """Describe how billed input tokens differ from the count."""
    if check.least == check.most:
        bills = "its one bill" if check.calls == 1 else f"each of {check.calls:,} bills"
        when = "" if check.calls >= MIN_BILLS else f" once there are {MIN_BILLS} bills"
        each = f"{bills} differs from the count by {check.most:+,} tokens"
        if not is_offset(check.most):
            return f"prompts of {name}: {each}, too far to be framing, so not learned"
        return f"prompts of {name}: {each}; later estimates include this{when}"
    return (
        f"prompts of {name}: {check.equal:,} of {check.calls:,} billed as counted; differences of "
        f"{check.least:+,} to {check.most:+,} tokens, not constant, so not learned"
    )


def describe_price_check(name: str, check: PriceCheck) -> str:
    """Describe how a provider's billed price differs from the pinned price."""
    return (
        f"price of {name} is wrong: its provider states {format_dollars(check.stated)} for "
        f"{check.calls:,} calls, the pinned price gives {format_dollars(check.pinned)} "
        f"({check.ratio:.3g} x); set it in afcost.prices.yaml, or run `afcost prices update`"
    )


def describe_course(batches: Sequence[Mapping[str, Any]]) -> str:
    """Return how long batches took, the longest of them; or that some are away."""
    away = sum(each["state"] != "ended" for each in batches)
    if away:
        return "away" if away == len(batches) else f"{away:,} away"
    timed = [each for each in batches if each["seconds"] is not None]
    if not timed:
        return "not sent"
    longest = max(timed, key=lambda each: float(each["seconds"]))
    text = format_duration(longest["seconds"])
    return text if longest["was_awaited"] else f"at most {text}"
