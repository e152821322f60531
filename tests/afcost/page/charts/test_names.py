"""Names at the left of a chart."""

from __future__ import annotations

from afcost.page.charts.names import measure_names, shorten


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shorten("free/cot") == "free/cot"
    assert shorten("an-organisation/a-model-of-70b-instruct", 15) == "an-orga…nstruct"
    assert measure_names(["x" * 90], most=120) == 120
    assert measure_names([]) == 56
