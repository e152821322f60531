"""What bounds a plan's time, in words."""

from __future__ import annotations

import pytest

from afcost.rendering.wall_time_view import describe_bound
from estimator.wall_time import NO_LIMITS, Bound, PlanTime, WallTime


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (100_000.0, "100,000 requests a minute to lab/m"),
        (2.5, "2.5 requests a minute to lab/m"),
        (0.4, "0.4 requests a minute to lab/m"),
    ],
)
def test_a_limit_is_shown_as_it_was_given(limit, text):
    bound = Bound("requests_per_minute", "lab/m", limit, 1.0, 2.0, 3.0)
    assert describe_bound(PlanTime(WallTime(1.0, 2.0, 3.0, (bound,), 10), {}, NO_LIMITS)) == text
