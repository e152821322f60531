"""Names at the left of a chart: they fit into the room that they have."""

from __future__ import annotations

from afcost.page.charts.dots import Row
from afcost.page.charts.names import fit_names, measure_names, shorten


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shorten("free/cot") == "free/cot"
    assert shorten("an-organisation/a-model-of-70b-instruct", 15) == "an-orga…nstruct"
    assert measure_names(["x" * 90], most=120) == 120
    assert measure_names([]) == 56


def test_names_fit_into_their_room_and_headings_stay_whole():
    rows = [Row("a heading that is far longer than that", is_heading=True), Row("x" * 60), Row("y")]
    for pixels in (80, 124, 190):
        fitted = fit_names(rows, pixels)
        assert [each.name for each in fitted[::2]] == [rows[0].name, "y"]
        assert measure_names([fitted[1].name]) <= pixels
