"""How an execution ended is told by its most telling worker, and by what was asked of all."""

from __future__ import annotations

import pytest

from runner.cluster.crew_end import judge_ends
from runner.cluster.life import LifeEnd
from runner.execution import StopReason

COMPLETE, FAILED = LifeEnd(StopReason.COMPLETE), LifeEnd(StopReason.FAILED, "a request failed")
INTERRUPTED, CAP = LifeEnd(StopReason.INTERRUPTED), LifeEnd(StopReason.CAP, "the cap")
DEAD = LifeEnd("", "it was killed")


@pytest.mark.parametrize(
    ("ends", "asked", "why", "found", "reason"),
    [
        ([CAP, COMPLETE], None, "", StopReason.COMPLETE, ""),
        ([COMPLETE, DEAD], None, "", StopReason.COMPLETE, ""),
        ([COMPLETE, FAILED], None, "", StopReason.COMPLETE, ""),
        ([CAP, FAILED, DEAD], None, "", StopReason.FAILED, "it was killed\na request failed"),
        ([CAP, CAP], None, "", StopReason.CAP, "the cap"),
        ([CAP, DEAD], None, "", StopReason.STOPPED, "it was killed"),
        ([DEAD, DEAD], None, "", StopReason.STOPPED, "it was killed"),
        ([CAP, INTERRUPTED], StopReason.EXPIRED, "", StopReason.EXPIRED, ""),
        ([INTERRUPTED], StopReason.STOPPED, "no database", StopReason.STOPPED, "no database"),
    ],
)
def test_the_most_telling_end_counts(ends, asked, why, found, reason):
    assert judge_ends(ends, asked, why) == (found, reason)
