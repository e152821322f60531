"""When batches that are away end, and what follows them in their run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from estimator.wall_time import BatchTime
from estimator.workload import StratumKey
from runner.ledger import ChunkNote, ChunkState
from runner.timing import AwayBatch, TimeLeft, find_batches_left, find_longer, find_rooms

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TIME = BatchTime(600.0, 1800.0, 5400.0, 86400.0, "prior", "a test")
SUBJECT, JUDGE = StratumKey("subject", "m", "free"), StratumKey("judge", "m", "free")


def away(stage: str, attempts: int, left: TimeLeft | None = None) -> AwayBatch:
    note = ChunkNote(
        chunk=f"afc-{stage}", state=ChunkState.CREATED, model="m", stage=stage, attempts=attempts
    )
    return AwayBatch(note, left, NOW)


def test_a_batch_that_has_taken_long_takes_longer_still():
    fresh, old, oldest = (TIME.find_left(age) for age in (0.0, 3600.0, 80_000_000.0))
    assert fresh == pytest.approx((600, 1800, 5400), rel=1e-3)
    assert fresh[0] > old[0]
    assert 0 < old[0] < old[1] < old[2]
    assert oldest[1] == 40_000_000.0


@pytest.mark.parametrize(
    ("open_ones", "left", "billed", "likely"),
    [
        ([], {SUBJECT: 10.0}, [], 3600),  # a small first one, then the rest
        ([], {SUBJECT: 10.0}, ["m"], 1800),
        ([away("subject", 10, TimeLeft(1, 60, 90))], {SUBJECT: 10.0}, ["m"], 60),
        ([away("subject", 4, TimeLeft(1, 60, 90))], {SUBJECT: 10.0}, ["m"], 1860),
        ([away("subject", 10)], {SUBJECT: 10.0}, ["m"], 1800),  # not yet asked for
        ([away("subject", 10, TimeLeft(1, 60, 90))], {SUBJECT: 10.0, JUDGE: 10.0}, ["m"], 1860),
        ([away("judge", 10, TimeLeft(1, 60, 90))], {JUDGE: 10.0}, ["m"], 60),
    ],
)
def test_judges_wait_for_answers_and_what_is_not_sent_for_what_is_away(
    open_ones, left, billed, likely
):
    found = find_batches_left(open_ones, left, {"m": TIME}, billed)
    assert found is not None
    assert found.likely == likely
    assert found.low <= found.likely <= found.high


def test_where_nothing_is_left_there_is_no_time():
    assert find_batches_left([], {SUBJECT: 0.0}, {"m": TIME}, []) is None
    one = TimeLeft(1, 2, 3)
    assert find_longer(None, None) is None
    assert find_longer(one, None) == one
    assert find_longer(one, TimeLeft(0, 5, 5)) == TimeLeft(1, 5, 5)


def test_what_may_not_wait_goes_into_later_rounds():
    found = find_batches_left([], {SUBJECT: 90.0}, {"m": TIME}, ["m"], {"m": 40.0})
    assert found is not None
    assert found.likely == 3 * 1800
    full = ChunkNote(
        chunk="afc-full", model="m", stage="subject", tokens=800, attempts=80, is_queue_full=True
    )
    plan = SimpleNamespace(models={"m": SimpleNamespace(name=SimpleNamespace(provider="openai"))})
    assert find_rooms(plan, [full, replace(full, is_queue_full=False)]) == {"m": 40.0}
    assert find_rooms(plan, [replace(full, is_queue_full=False)]) == {}
