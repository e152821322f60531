"""Charts of money: valid Vega-Lite, texts that stay apart, and marks that say their figures."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import altair as alt
import pytest

from afcost.page.charts.dots import Row, Scale, draw_dots
from afcost.page.charts.spending import ExpectedCost, Moment, draw_spending
from afcost.page.charts.strip import SpentMoney, draw_strip
from afcost.page.charts.ticks import find_dollar_form, find_ticks

MOMENTS = [Moment(0, 0, 0, 0), Moment(60, 1, 0, 0.5), Moment(600, 4, 0.4, 0.2)]
RANGE = ExpectedCost(4.29, 5.17, 6.17)


def write(amount):
    return f"${amount:.2f}"


def spend(**changes):
    return draw_spending(MOMENTS, **{"cap": 8.0, "write": write, "end": RANGE} | changes)


def strip(spent=4.96, held=0.0, cap=8.0, low=4.29, likely=5.17, high=6.17):
    return draw_strip(SpentMoney(spent, held, cap, low, likely, high), write=write)


CHARTS = {
    "a range at the right": spend(),
    "a fan to the end": spend(end=ExpectedCost(4.29, 5.17, 6.17, seconds=900), until=1000),
    "no forecast": spend(end=None),
    "no cap": spend(cap=None),
    "a pause": spend(pauses=[(60, "3 h without an entry")]),
    "one moment": draw_spending([MOMENTS[0]], cap=1.0, write=write),
    "nothing spent": strip(spent=0.0),
    "above the range": strip(spent=7.1, held=0.4),
    "at the cap": strip(spent=7.99),
    "below the forecast": strip(cap=1.2, spent=1.16),
    "a cap far above": strip(cap=500.0),
    "no money at all": strip(0.0, 0.0, None, 0.0, 0.0, 0.0),
    "rows": draw_dots("rows", [Row("one", value=1.0, text="1")], Scale(0, 2, [0, 1, 2], ",d")),
}


def drawings_of(chart):
    return [each for each in (chart.wide, chart.narrow) if each is not None]


@pytest.fixture(params=CHARTS, name="chart")
def _chart(request):
    return CHARTS[request.param]


def test_its_names_are_those_of_vega_lite(chart):
    for drawing in drawings_of(chart):
        alt.LayerChart.from_dict(drawing, validate=True)


def test_it_is_an_inert_image_with_a_sentence(chart):
    text = str(chart.__html__())
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        image = ET.fromstring(svg)  # noqa: S314 - drawn here
        assert image.get("role") == "img"
        assert image.get("aria-label").endswith("." if chart.name != "rows" else "")
    assert "NaN" not in text
    assert not re.search(r"\sstyle=|<script|\shref=", text)


def texts_of(chart):
    """Return each drawing's texts, with where they stand from the left and the top."""
    found = []
    for drawing in drawings_of(chart):
        layers = [each for each in drawing["layer"] if each["mark"]["type"] == "text"]
        found.append({each["encoding"]["text"].get("value"): each for each in layers})
    return found


def test_the_strip_says_what_is_spent_the_cap_and_the_forecast():
    for texts in texts_of(strip()):
        assert set(texts) == {"spent $4.96", "cap $8.00", "forecast $4.29 – $6.17"}


@pytest.mark.parametrize("spent", [0.0, 2.0, 4.0, 6.0, 7.0, 7.5, 7.9, 8.0])
def test_the_texts_of_spent_and_cap_never_meet(spent):
    chart = strip(spent=spent)
    for drawing, texts in zip(drawings_of(chart), texts_of(chart), strict=True):
        placed = []
        for said in (f"spent ${spent:.2f}", "cap $8.00"):
            layer = texts[said]
            domain = layer["encoding"]["x"]["scale"]["domain"]
            at = layer["data"]["values"][0]["at"] / domain[1] * drawing["width"]
            placed.append((at, len(said) * 6.5 / 2, layer["encoding"]["y"]["value"]))
        (at, half, height), (other_at, other_half, other_height) = placed
        is_apart = abs(at - other_at) >= half + other_half
        assert is_apart or abs(height - other_height) >= 13


def test_a_cap_far_away_leaves_room_for_the_forecast():
    for drawing in drawings_of(strip(cap=500.0)):
        ends = {tuple(each["encoding"]["x"]["scale"]["domain"]) for each in drawing["layer"]}
        ((low, high),) = ends
        assert (low, high < 10) == (0, True)  # not 500: the line is broken before the cap


def test_held_money_is_drawn_where_it_can_be_seen():
    held = [strip(spent=4.0, held=amount).__html__().count("held $") for amount in (0.0, 0.5)]
    assert held[0] == 0 < held[1]


def test_spending_stands_below_its_cap_and_beside_its_forecast():
    for drawing in drawings_of(spend()):
        assert drawing["data"]["values"][-1] == {
            "time": 10.0,
            "settled": 4,
            "sure": 4.4,
            "all": 4.6000000000000005,
        }
    assert spend().label == (
        "Spent $4.00 and held $0.40 after 10 minutes, under the cap of $8.00. "
        "Forecast of the whole: $4.29 to $6.17 (90% range), likely $5.17."
    )


@pytest.mark.parametrize("low", [4.29, 7.9, 8.1, 20.0])
def test_the_text_of_the_cap_does_not_stand_on_the_bar_of_the_forecast(low):
    chart = spend(end=replace(RANGE, low=low, likely=low + 1, high=low + 3))
    for drawing, texts in zip(drawings_of(chart), texts_of(chart), strict=True):
        mark = texts["cap $8.00"]["mark"]
        is_right_of_the_plot = mark["align"] == "left"
        bar_is_there = low - 0.07 * 23 < 8.0 < low + 3
        assert not (is_right_of_the_plot and bar_is_there), drawing["width"]


def test_a_pause_says_how_long_it_was():
    assert "3 h without an entry" in spend(pauses=[(60, "3 h without an entry")]).__html__()


@pytest.mark.parametrize(
    ("seconds", "unit"), [(50, "seconds"), (1_000, "minutes"), (20_000, "hours"), (9e5, "days")]
)
def test_time_is_in_the_largest_unit_of_which_there_are_several(seconds, unit):
    chart = draw_spending([MOMENTS[0], Moment(seconds, 1, 0, 0)], cap=2.0, write=write)
    assert f" {unit}, " in chart.label


@pytest.mark.parametrize(
    ("top", "form"), [(8, "$,d"), (0.9, "$.2f"), (0.04, "$.2f"), (0.003, "$.4f"), (2_000, "$,d")]
)
def test_dollars_on_an_axis_have_the_digits_that_its_ticks_need(top, form):
    assert find_dollar_form(find_ticks(0, top)) == form


def test_files_are_drawn_in_light_colours():
    svg = strip().to_svg()
    assert "var(" not in svg
    assert strip().to_png().startswith(b"\x89PNG")


def test_the_data_behind_rows_names_their_heading():
    rows = [Row("m", is_heading=True), Row("a", value=1.0, tip="hidden"), Row("b", value=2.0)]
    chart = draw_dots("rows", rows, Scale(0, 2, [0, 1, 2], ",d"))
    assert list(chart.rows) == [
        {"group": "m", "name": "a", "value": 1.0},
        {"group": "m", "name": "b", "value": 2.0},
    ]
