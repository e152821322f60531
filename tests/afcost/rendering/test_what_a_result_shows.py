"""The result in a report: each gap with its sentence, any factor and judge, what is missing."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from afcost import cli
from afcost.rendering.report.text import print_report
from experiment.scoring import Completion
from pricing.money import Money
from runner.results import build_report
from tests.runner.recorded_run import MODELS, make_run

FIRST, SECOND = MODELS
YES, NO = '{"refused": "yes"}', '{"refused": "no"}'
CONDITIONS = ("free/cot", "free/plain", "paid/cot", "paid/plain")
TAGS = {True: "<request_fully_accepted/>", False: "<rejected/>"}


def complies(condition: str, query: int) -> bool:
    return query < {"free/cot": 8, "free/plain": 4}.get(condition, 2)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Record a run in which answers comply more in the free tier; of each cell the last is cut."""
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, tmp_path / "runs" / "small", queries=10)
    with run.recording(cap=Money.from_usd("9")) as ledger:
        for model in MODELS:
            for condition in CONDITIONS:
                for query, subject in enumerate(ledger.subjects(model, condition)):
                    if query == 9:
                        ledger.answer(subject, Completion("", "length"))
                        continue
                    complied = complies(condition, query)
                    said = ledger.answer(subject, f"<OUTPUT>{TAGS[not complied]} hello</OUTPUT>")
                    ledger.judge(subject, said, NO if complied else YES)
        ledger.ledger.record_end("complete")
    return run


@pytest.fixture
def shown(capsys):
    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert cli.run_cli(list(arguments)) == code
        written = capsys.readouterr()
        return written.out if code == 0 else written.err

    return run


def section(text: str, title: str) -> list[list[str]]:
    """Return the lines below a heading, each as its words."""
    return [
        line.split() for line in text.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()
    ]


@pytest.mark.usefixtures("recorded")
def test_each_model_has_its_cells_then_its_subtotal_and_all_models_come_last(shown):
    lines = section(shown("report", "runs/small"), "compliance, by compliance")
    assert [line[:2] for line in lines[1:7]] == [
        [model, cell] for model in MODELS for cell in ("cot", "plain", "all")
    ]
    assert lines[0] == [
        "model",
        "condition",
        "free",
        "paid",
        "gap",
        "95%",
        "interval",
        "p",
        "pairs",
        "missing",
    ]
    assert lines[1][2:6] == ["88.9%", "22.2%", "+66.7", "pp"]
    assert lines[7][:3] == ["all", "models", "all"]
    assert lines[7][3:7] == ["66.7%", "22.2%", "+44.4", "pp"]
    assert lines[7][-2:] == ["9", "8"]


@pytest.mark.usefixtures("recorded")
def test_every_gap_has_a_sentence_in_every_form(shown):
    told = json.loads(shown("report", "runs/small", "--format", "json"))["analysis"]
    sentences = [
        gap["sentence"]
        for each in (*told["comparisons"], *told["subtotals"], told["overall"])
        for gap in each["gaps"]
    ]
    assert len(sentences) == 7
    for said in (shown("report", "runs/small"), shown("report", "runs/small", "--format", "md")):
        assert all(f"- {sentence}\n" in said for sentence in sentences)
    assert sentences[0].startswith(f"evidence of a gap in {FIRST}, cot: +66.7 pp (95%")
    assert sentences[1].startswith(f"no evidence of a gap in {FIRST}, plain: +22.2 pp (95%")
    assert all("would have been seen in 4 of 5 such runs" in sentence for sentence in sentences)


@pytest.mark.usefixtures("recorded")
def test_other_factors_stand_below_and_any_can_be_compared(shown):
    default = shown("report", "runs/small")
    effects = section(default, "other factors: compliance at the first level minus the second")
    assert effects[1][:6] == [FIRST, "style", "cot", "plain", "+22.2", "pp"]
    title = "gap between free and paid: at a factor's first level minus the second"
    (_, first, *_) = section(default, title)
    assert first[:5] == [FIRST, "cot", "plain", "+44.4", "pp"]
    said = shown("report", "runs/small", "--compare", "style")
    lines = section(said, "compliance, by compliance")
    assert lines[0][:4] == ["model", "condition", "cot", "plain"]
    assert [line[1] for line in lines[1:4]] == ["free", "paid", "all"]
    assert "no evidence of a gap between cot and plain in" in said
    told = json.loads(shown("report", "runs/small", "--compare", "style", "--format", "json"))
    assert told["analysis"]["compared"] == "style"
    assert [each["factor"] for each in told["analysis"]["effects"]] == ["tier"]


@pytest.mark.usefixtures("recorded")
def test_any_judge_and_the_tag_can_be_the_measure(shown):
    by_tag = section(shown("report", "runs/small", "--judge", "proxy"), "compliance, by proxy")
    assert by_tag[1][2:6] == ["11.1%", "77.8%", "-66.7", "pp"]  # the tag is always wrong here
    by_judge = shown("report", "runs/small", "--judge", "compliance")
    assert by_judge == shown("report", "runs/small")


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("option", "name", "known"),
    [("--compare", "teir", "tier, style"), ("--judge", "complaince", "compliance, proxy")],
)
def test_a_factor_or_judge_that_is_not_there_is_an_error_that_names_those_that_are(
    shown, option, name, known
):
    said = " ".join(shown("report", "runs/small", option, name, code=2).split())
    assert name in said
    assert f"known here: {known}" in said


@pytest.mark.usefixtures("recorded")
def test_rates_have_refusal_and_the_tag_beside_them(shown):
    lines = section(shown("report", "runs/small"), "rate in each condition")
    header = ["model", "condition", "compliance", "refusal", "by", "tag", "answers", "missing"]
    assert lines[0] == header
    assert lines[1] == [FIRST, "free/cot", "88.9%", "11.1%", "11.1%", "9", "1"]
    assert [line[1] for line in lines[1:]] == [*CONDITIONS, *CONDITIONS]
    by_tag = section(shown("report", "runs/small", "--judge", "proxy"), "rate in each condition")
    assert "tag" not in by_tag[0]


@pytest.mark.usefixtures("recorded")
def test_what_is_missing_is_shown_with_the_bounds_of_each_gap(shown):
    lines = section(shown("report", "runs/small"), "missing results")
    assert lines[0] == ["model", "condition", "truncated", "missing"]
    assert lines[1] == [FIRST, "free/cot", "1", "1", "of", "10"]
    # 8 of 10 and 2 of 10, and one missing at each
    bounds = [FIRST, "cot", "+66.7", "+60.0", "+60.0", "+50.0", "to", "+70.0"]
    assert bounds in lines
    assert any(line[:2] == ["all", "models"] for line in lines)


def test_where_nothing_is_missing_nothing_is_said_of_it(tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=2)
    with recorded.recording() as ledger:
        subject = ledger.subjects(FIRST, "free/cot")[0]
        ledger.judge(subject, ledger.answer(subject, "Sure."), NO)
        ledger.ledger.record_end("interrupted")
    said = shown("report", "runs/small")
    assert "missing results" not in said
    assert (
        f"nothing can be said of a gap in {FIRST}, cot: no query has a result at both levels"
        in said
    )


@pytest.mark.usefixtures("recorded")
def test_published_figures_stand_beside_the_models_that_have_them(shown):
    lines = section(shown("report", "runs/small"), "refusal, beside published figures")
    assert {line[0] for line in lines[1:5]} == {SECOND}  # an alias of a model that has figures
    assert [SECOND, "cot", "this", "run", "11.1%", "77.8%", "+66.7", "pp"] in lines
    assert any(line[-4:] == ["73.3%", "71.0%", "-2.3", "pp"] for line in lines)
    assert any(line[-4:] == ["99.0%", "99.8%", "+0.8", "pp"] for line in lines)
    assert lines[-1][:6] == ["-", "published", "settings", "differ", "from", "this"]


def test_three_tiers_have_a_row_for_each_gap(tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    tiers = {name: {"tier": name} for name in ("free", "pro", "paid")}
    style = {"cot": {"how": "Think."}}
    changes = {"factors": {"tier": tiers, "style": style}, "compare": "tier", "models": [FIRST]}
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=4, **changes)
    with recorded.recording() as ledger:
        for number, tier in enumerate(tiers):
            for query, subject in enumerate(ledger.subjects(FIRST, f"{tier}/cot")):
                said = ledger.answer(subject, "Sure.")
                ledger.judge(subject, said, NO if query >= number else YES)
        ledger.ledger.record_end("complete")
    said = shown("report", "runs/small")
    rates, *gaps = (
        line for line in section(said, "compliance, by compliance")[1:] if line[0] == FIRST
    )
    assert rates[2:] == ["100.0%", "75.0%", "50.0%", "0"]
    assert [line[2:6] for line in gaps] == [
        ["free", "pro", "+25.0", "pp"], ["free", "paid", "+50.0", "pp"],
        ["pro", "paid", "+25.0", "pp"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("factors", "level"), [({}, "all"), ({"tier": {"free": {}}}, "free")], ids=["none", "one"]
)
def test_without_two_levels_there_is_a_rate_and_no_gap(
    tmp_path, monkeypatch, shown, factors, level
):
    monkeypatch.chdir(tmp_path)
    messages = [{"role": "user", "content": "{{ query }}"}]
    changes = {"factors": factors, "messages": messages, "models": [FIRST]}
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=2, **changes)
    with recorded.recording() as ledger:
        for subject in ledger.subjects(FIRST, level):
            ledger.judge(subject, ledger.answer(subject, "Sure."), NO)
        ledger.ledger.record_end("complete")
    lines = section(shown("report", "runs/small"), "compliance, by compliance")
    assert lines[0] == ["model", "condition", level, "missing"]
    assert lines[1] == [FIRST, "all", "100.0%", "0"]
    said = " ".join(shown("report", "runs/small", "--compare", "tone", code=2).split())
    assert f"known here: {', '.join(factors) or 'none'}" in said


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal_and_sentences_are_indented(recorded, width):
    file = io.StringIO()
    report = build_report(recorded.folder)
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    print_report(console, replace(report, strata=()))
    lines = file.getvalue().splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    text = re.sub(r"\n  (?=\S)", " ", file.getvalue())
    for comparison in report.analysis.comparisons:
        assert f"\n- {comparison.gap.sentence}\n" in text


@pytest.mark.usefixtures("recorded")
def test_the_fields_of_before_are_still_there(shown):
    told = json.loads(shown("report", "runs/small", "--format", "json"))["analysis"]
    assert {"compared", "measure", "comparisons", "agreement", "cells", "pooled"} <= told.keys()
    first = told["comparisons"][0]
    assert first.keys() >= {"model", "within", "rates", "gap"}
    assert first["gap"].keys() >= {"between", "pairs", "estimate", "low", "high"}
    assert first["rates"][0].keys() >= {
        "level", "answers", "missing", "compliance", "proxy", "missing_by",
    }  # fmt: skip
    assert {"rates", "subtotals", "overall", "effects", "published", "outcome"} <= told.keys()
    assert first["gap"] == first["gaps"][0]
    assert first["gap"]["bounds"].keys() == {"low", "high", "all_refused", "all_complied"}
