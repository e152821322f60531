"""Names beside a chart: they fit into the room that they have."""

from __future__ import annotations

from afcost.page.charts.dots import Row
from afcost.page.charts.names import fit_names, measure_names, shorten


def test_a_long_name_keeps_both_of_its_ends():
    assert shorten("deepinfra/llama-3.1-405b", 13) == "deepin…1-405b"
    assert shorten("short", 13) == "short"


def test_names_fit_into_their_room_and_headings_stay_whole():
    rows = [Row("a heading that is far longer than that", is_heading=True), Row("x" * 60), Row("y")]
    for pixels in (80, 124, 190):
        fitted = fit_names(rows, pixels)
        assert [each.name for each in fitted[::2]] == [rows[0].name, "y"]
        assert measure_names([fitted[1].name]) <= pixels
