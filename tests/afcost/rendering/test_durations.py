"""Durations as a person reads them."""

from __future__ import annotations

import pytest

from afcost.rendering.durations import format_duration, format_range, format_shortly
from estimator.wall_time import Bound


@pytest.mark.parametrize(
    ("seconds", "text", "short"),
    [
        (0.4, "0 s", "0s"),
        (89, "89 s", "89s"),
        (90, "1.5 min", "1.5m"),
        (599, "10 min", "10m"),
        (5_390, "90 min", "90m"),
        (7_200, "2.0 h", "2.0h"),
        (100_000, "28 h", "28h"),
        (200_000, "2.3 days", "2.3d"),
        (9e8, "10,417 days", "10,417d"),
    ],
)
def test_two_figures(seconds, text, short):
    assert (format_duration(seconds), format_shortly(seconds)) == (text, short)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(130, 600, "2.2 – 10 min"), (30, 600, "30 s – 10 min"), (7_200, 36_000, "2.0 – 10 h")],
)
def test_a_unit_is_said_once_where_both_ends_have_it(low, high, text):
    assert format_range(Bound("concurrency", "", 1, low, low, high)) == text
