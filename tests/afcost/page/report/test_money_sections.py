"""Sections of money: what they compare with, what they say of a run that is not complete."""

from __future__ import annotations

import html
import re

import altair as alt
import pytest

from afcost.page.report.money.cost_charts import draw_strata
from afcost.page.report.money.lengths import find_scale
from afcost.page.report.money.time import format_elapsed
from afcost.page.report.view import list_charts, render_report_page
from afcost.page.shell.stages import order_by_stage
from runner.results import build_report
from tests.runner.recorded_run import make_run

HOSTILE = "</td><script>alert(1)</script>"


def record(folder, *, answered, end="complete", **changes):
    """Return the report of a run of which so many requests are answered and judged."""
    recorded = make_run(folder, **changes)
    if answered:
        with recorded.recording() as recorder:
            for request in list(recorder.requests.all_subject_requests())[:answered]:
                said = recorder.answer(request, "Sure.")
                recorder.judge(request, said, '{"refused": "no"}')
            recorder.ledger.record_end(end)
    return build_report(recorded.folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return record(tmp_path_factory.mktemp("whole"), answered=24)


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return record(tmp_path_factory.mktemp("part"), answered=9, end="cap")


@pytest.fixture(scope="module")
def unbegun(tmp_path_factory):
    return record(tmp_path_factory.mktemp("unbegun"), answered=0)


def section_of(page, name):
    return re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)[0]


def test_every_chart_is_valid_vega_lite(whole, part, unbegun):
    for report in (whole, part, unbegun):
        for chart in list_charts(report):
            for drawing in filter(None, (chart.wide, chart.narrow)):
                alt.LayerChart.from_dict(dict(drawing), validate=True)


def test_a_partial_run_says_that_it_is_compared_with_its_share(whole, part):
    said = "what was forecast for the requests that were answered"
    assert said in section_of(render_report_page(part), "cost")
    assert said not in section_of(render_report_page(whole), "cost")
    assert "for the share that was run" in section_of(render_report_page(part), "cost")


def test_a_complete_run_says_which_ranges_of_the_whole_held(whole, part):
    assert "The forecast of the whole" in section_of(render_report_page(whole), "cost")
    assert "The forecast of the whole, by" not in section_of(render_report_page(part), "cost")


def test_a_run_that_has_not_begun_has_its_plan_and_no_lengths(unbegun):
    page = render_report_page(unbegun)
    assert 'id="plan"' in page
    assert 'id="lengths"' not in page
    names = {chart.name for chart in list_charts(unbegun)}
    assert "projected-against-actual" not in names
    assert "spent-of-cap" in names


def test_prices_stand_with_their_source(whole):
    plan = section_of(render_report_page(whole), "plan")
    assert 'data-figure="planned_prices.0.input" value="0.40">0.40<' in plan
    assert whole.provenance.plan in plan


def test_a_title_with_markup_in_it_is_text(tmp_path):
    page = render_report_page(record(tmp_path, answered=0, title=f"What of {HOSTILE}?"))
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page


def test_strata_stand_by_stage_and_model_answers_first():
    names = [("subject", "a"), ("judge", "j"), ("subject", "b"), ("subject", "a"), ("judge", "j")]
    rows = [
        {"stage": stage, "provider": "p", "model": model, "n": n}
        for n, (stage, model) in enumerate(names)
    ]
    assert [each["n"] for each in order_by_stage(rows)] == [0, 3, 2, 1, 4]


def stratum(number, cost):
    run = {"mean": "1.0", "q05": "0.5", "q95": "1.5", "inside": 0.5 <= cost <= 1.5}
    place = {"stage": "subject", "provider": "p", "model": "m", "condition": f"c{number}"}
    return place | {"actual": {"cost_usd": str(cost)}, "run": run}


def test_of_many_strata_the_farthest_are_drawn_and_those_outside_are_named():
    strata = [stratum(number, 1 + number / 100) for number in range(100)]
    chart = draw_strata({"strata": strata})
    rows = [each for each in chart.wide["data"]["values"] if not each["heading"]]
    assert [each["name"] for each in rows] == [f"c{number}" for number in range(52, 100)]
    assert len(chart.rows) == 100  # the file has all
    outside = [each["text"].startswith("outside") for each in rows]
    assert outside == [number > 50 for number in range(52, 100)]


@pytest.mark.parametrize(("high", "is_log"), [(190.0, False), (210.0, True), (90_000.0, True)])
def test_an_axis_of_lengths_is_logarithmic_where_they_differ_by_much(high, is_log):
    scale = find_scale([{"q05": 10.0, "q95": 50.0}, {"q05": 20.0, "q95": high}])
    assert scale.is_log == is_log
    assert len(scale.ticks) >= 2
    assert scale.low <= min(scale.ticks)
    assert max(scale.ticks) <= scale.high


def test_an_answer_without_tokens_has_a_place_on_a_logarithmic_axis():
    assert find_scale([{"q05": 0.0, "q95": 5_000.0}]).low > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.4, "8 s"),
        (60, "1 min"),
        (150, "2 min 30 s"),
        (11_400, "3 h 10 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_time_is_written_as_people_say_it(seconds, text):
    assert format_elapsed(seconds) == text
