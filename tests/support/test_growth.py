from __future__ import annotations

from tests.support.growth import grows_evenly


def count(size: int) -> None:
    for _ in range(size):
        pass


def test_work_that_grows_with_the_square_is_told_from_what_grows_evenly():
    assert grows_evenly(count, lambda size: size, 10_000_000)
    assert not grows_evenly(lambda size: count(size * size), lambda size: size, 4_000)
