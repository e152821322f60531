"""The page holds for what experiments really are; each of its figures is the JSON's."""

from __future__ import annotations

import json

import pytest

from afcost.cli import run_cli
from afcost.page.shell.figures import Figures
from afcost.rendering.report.data import render_json
from runner.labelling import read_label_file, read_labels, write_label_file
from runner.results import build_report
from tests.afcost.page.report.made_report import (
    COMPLIANCE,
    FIRST,
    RISK,
    SCREENED,
    SECOND,
    SECOND_JUDGE,
    TONE,
    VOTING,
    judge,
    make_report,
    make_sequential_report,
    render,
)
from tests.runner.judged_run import make_judged_run

HOW = {"how": {"cot": {}, "plain": {}}}


def tiers(*levels):
    return {"tier": {level: {} for level in levels}}


TWO, THREE = tiers("free", "paid"), tiers("free", "middle", "paid")
HOSTILE = "<img src=x onerror=alert(1)>"
KINDS = {
    "one model, no factors": ([COMPLIANCE], {"models": (FIRST,), "factors": {}}),
    "two models, no factors": ([COMPLIANCE], {"factors": {}}),
    "three tiers": ([COMPLIANCE, SECOND_JUDGE], {"factors": THREE | HOW, "compare": "tier"}),
    "one level": ([COMPLIANCE], {"factors": tiers("free")}),
    "a judge that grades": ([RISK], {"measure": "risk", "factors": TWO}),
    "free labels": ([COMPLIANCE, TONE], {"factors": TWO}),
    "free labels alone": ([TONE], {"factors": TWO}),
    "no judge": ([], {"factors": TWO | HOW}),
    "no answers yet": ([COMPLIANCE], {"factors": TWO, "answers": False, "end": "stopped"}),
    "screening": ([SCREENED], {"factors": TWO}),
    "several votes": ([VOTING, SECOND_JUDGE], {"factors": TWO | HOW}),
    "one query": ([COMPLIANCE], {"factors": TWO, "queries": 1}),
    "hostile names": (
        [judge(HOSTILE)],
        {"factors": {"a<b": {"\u202efree<b>": {}, "עברית": {}}}, "title": f"{HOSTILE}</title>"},
    ),
}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    judges, changes = KINDS[request.param]
    report = make_report(tmp_path, *judges, **changes)
    return request.param, report, render(report)


def check_figures(report, page):
    figures = Figures(json.loads(render_json(report)))
    assert page.figures
    for path, value, shown in page.figures:
        assert str(figures.value(path)) == value, path
        assert shown


def check_structure(page):
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(below <= above + 1 for above, below in steps)
    assert len(page.ids) == len(set(page.ids))
    inside = {link.removeprefix("#") for link in page.links if not link.startswith("#find")}
    assert inside <= set(page.ids)


def test_every_kind_of_run_has_a_page_with_the_figures_of_its_json(kind):
    name, report, page = kind
    check_figures(report, page)
    check_structure(page)
    assert ("result" in page.sections) == (name != "no answers yet")
    assert "img" not in page.tags


def test_a_page_without_answers_says_so_and_how_to_go_on(tmp_path):
    page = render(make_report(tmp_path, COMPLIANCE, answers=False, end="stopped"))
    said = page.say("summary")
    assert "No answer has a result yet." in said
    assert "STOPPED. 0 of 160 planned calls are answered. Fix the problem, then resume:" in said
    assert "judges" not in page.sections


def test_without_judges_the_proxy_is_the_measure_and_nothing_is_held_against_it(tmp_path):
    page = render(make_report(tmp_path, factors=TWO))
    assert "No judge reads them" in page.say("summary")
    assert "comply by the proxy" in page.say("result")
    assert "judges" not in page.sections


def test_means_of_a_judge_that_grades_are_called_so(tmp_path):
    page = render(make_report(tmp_path, RISK, measure="risk", factors=TWO))
    assert "The mean of risk by model" in page.say("result")
    assert "Mean of what the judge risk says" in page.say("result")


def test_three_levels_have_a_table_of_their_gaps(tmp_path):
    page = render(make_report(tmp_path, COMPLIANCE, factors=THREE, models=(FIRST,)))
    paths = {path for path, _, _ in page.figures}
    assert {f"analysis.comparisons.0.gaps.{at}.estimate" for at in range(3)} <= paths


def test_free_labels_have_their_shares_whatever_they_are_called(tmp_path):
    page = render(make_report(tmp_path, COMPLIANCE, TONE, factors=TWO))
    assert "<b>cold</b>" in page.say("result")
    paths = {path for path, _, _ in page.figures}
    assert "analysis.verdicts.tone.rates.0.labels.warm~11.estimate" in paths


def test_a_sequential_test_has_its_looks_and_what_it_saved(tmp_path):
    report = make_sequential_report(tmp_path)
    page = render(report)
    check_figures(report, page)
    assert f"{FIRST}: the gap between free and paid was shown at look 2 of 4" in page.say("summary")
    assert "Stopped early: about $" in page.say("summary")
    assert "Sequential test: 2 of 4 looks" in page.say("result")
    assert ("sequential.looks.3.low", "-0.6", "−60.0") in page.figures


def test_labels_give_the_judges_errors_and_a_corrected_gap(tmp_path):
    run = make_judged_run(tmp_path, queries=30)
    assert run_cli(["label", str(run.path), "-n", "120"]) == 0
    path = run.path / "labels.csv"
    file = read_label_file(path)
    for row in file.rows:
        row.cells["label"] = "yes" if run.complies[row.request] else "no"
    write_label_file(file)
    folder = run.recorded.folder
    report = build_report(folder, labels=read_labels(folder, (path,)))
    page = render(report)
    check_figures(report, page)
    assert "Judges against 120 labelled answers" in page.say("judges")
    assert "corrected for the judges' errors" in page.say("judges")


def test_squares_count_what_the_proxy_and_the_judge_say(tmp_path):
    report = make_report(tmp_path, COMPLIANCE, factors=TWO, models=(SECOND,))
    shown = {path: value for path, value, _ in render(report).figures}
    (at, square), = [
        each for each in enumerate(report.validation.confusion) if not each[1].condition
    ]  # fmt: skip
    assert square.only_tested
    for case in ("both_positive", "only_tested", "only_reference", "both_negative"):
        assert shown[f"analysis.judges.confusion.{at}.{case}"] == str(getattr(square, case))


def test_what_is_missing_is_counted_by_kind(tmp_path):
    report = make_report(tmp_path, COMPLIANCE, factors=TWO)
    said = render(report).say("missing")
    missing = report.analysis.pooled.no_result
    assert missing == 3
    assert f"{missing} of 40 answers have no result: 3 empty." in said
