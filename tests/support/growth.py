"""How work grows with what it is given: by CPU time, and by no clock that other work moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_TIMES = 8  # as much
_AT_MOST = 4 * _TIMES  # as long; work that grows with the square takes 64 times as long
_TOO_SHORT = 0.2  # seconds within which nothing is to be told


def grows_evenly(do: Callable[[T], object], make: Callable[[int], T], size: int) -> bool:
    """Return whether work on something large takes about as much longer as it is larger.

    Args:
        do: the work.
        make: what it is given, of a size.
        size: of the large one.
    """
    small, large = make(size // _TIMES), make(size)
    do(small)  # what is done once, is done before
    before = min(_measure(do, small) for _ in range(3))
    after = _measure(do, large)
    return after < max(_TOO_SHORT, _AT_MOST * before)


def _measure(do: Callable[[T], object], given: T) -> float:
    start = time.process_time()
    do(given)
    return time.process_time() - start
