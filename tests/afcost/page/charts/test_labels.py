"""Labels of an axis: all that have room, at equal steps, and always the one that matters."""

import json
import re
from itertools import pairwise

import pytest

from afcost.page.charts.dots import Margins, Row, Scale, draw_dots
from afcost.page.charts.labels import choose_labels, write_tick
from afcost.page.charts.ticks import find_ticks


@pytest.mark.parametrize("width", [40, 90, 150, 300, 500])
@pytest.mark.parametrize("form", ["+d", ".0%", "$.2f"])
def test_no_label_runs_into_the_next_one(width, form):
    ticks = find_ticks(-20, 60)

    def place(tick):
        return (tick - ticks[0]) / (ticks[-1] - ticks[0]) * width

    shown = choose_labels(ticks, lambda tick: write_tick(tick, form), place, 0)
    assert 0 in shown
    for before, after in pairwise(shown):
        halves = (len(write_tick(before, form)) + len(write_tick(after, form))) / 2
        assert place(after) - place(before) >= halves * 7
    if width == 500:
        assert shown == ticks


def test_the_anchor_is_labelled_whatever_else_is():
    ticks = [0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
    assert choose_labels(ticks, str, lambda tick: tick * 60, 1.0) == [0.4, 1.0]
    assert choose_labels([], str, float) == []
    assert choose_labels([5.0], str, float) == [5.0]


def test_a_chart_labels_the_tick_at_its_line_on_a_phone_too():
    ticks = find_ticks(-10, 60, 8)
    scale = Scale(ticks[0], ticks[-1], ticks, "+d", zero=0)
    chart = draw_dots("gaps", [Row("one", value=1.0)], scale, margins=Margins(130, 130))
    for drawing in (chart.wide, chart.narrow):
        labelled = re.search(r"indexof\(\[([^]]*)\]", json.dumps(drawing))[1]
        assert 0.0 in map(float, labelled.split(","))
    assert len(labelled.split(",")) < len(ticks)


@pytest.mark.parametrize(
    ("form", "written"), [("+d", "+1200"), (",d", "1,200"), ("$,d", "$1,200"), ("$.2f", "$1200.00")]
)
def test_a_tick_is_about_as_long_as_it_is_drawn(form, written):
    assert write_tick(1200.0, form) == written
