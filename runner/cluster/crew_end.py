"""Crew end: how an execution ended, by how the work ended in each of its places."""

from __future__ import annotations

from collections.abc import Sequence

from runner.cluster.life import LifeEnd
from runner.execution import StopReason

# The most telling end first. That all is answered, or was tried, one worker knows for all.
_ENDS = (
    *(StopReason.COMPLETE, StopReason.FAILED, StopReason.STOPPED, StopReason.EXPIRED),
    *(StopReason.INTERRUPTED, StopReason.CAP),
)


def judge_ends(
    ends: Sequence[LifeEnd], asked: StopReason | None, why: str
) -> tuple[StopReason | None, str]:
    """Return how an execution ended, and the reasons in lines.

    Args:
        ends: of the workers.
        asked: the end that they were asked to come to; None where they were not asked.
        why: they were asked.
    """
    final = [each for each in ends if each.is_final]
    lost = [each.reason for each in ends if not each.is_final]
    found = next((each for each in _ENDS if any(e.end == each for e in final)), None)
    if found in (None, StopReason.INTERRUPTED, StopReason.CAP):
        found = asked or (StopReason.STOPPED if lost else found)
    told = [each.reason for each in final if each.end == found]
    reasons = [why] if why else [*lost, *told]
    if found is StopReason.COMPLETE:
        reasons = told
    return found, "\n".join(dict.fromkeys(filter(None, reasons)))
