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


RESULT = "rate of compliance, judged by compliance"
IN_EACH = "in each condition, with 95% intervals"


def section(text: str, title: str) -> list[list[str]]:
    """Return the lines below a heading, each as its words."""
    assert f"\n{title}\n" in text
    return [
        line.split() for line in text.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()
    ]


def table(text: str, title: str) -> list[list[str]]:
    """Return the rows of a heading's first table, its header first."""
    lines = section(text, title)
    start = next(number for number, line in enumerate(lines) if line[0] == "model")
    return lines[start:]


@pytest.mark.usefixtures("recorded")
def test_each_model_has_its_cells_then_its_subtotal_and_all_models_come_last(shown):
    lines = table(shown("report", "runs/small"), RESULT)
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
        "detectable",
    ]
    assert lines[1][2:6] == ["88.9%", "22.2%", "+66.7", "pp"]
    assert lines[7][:3] == ["all", "models", "all"]
    assert lines[7][3:7] == ["66.7%", "22.2%", "+44.4", "pp"]
    assert lines[7][-3] == "9"


@pytest.mark.usefixtures("recorded")
def test_the_sentences_come_first_and_are_of_all_models_each_of_them_and_what_has_evidence(shown):
    told = json.loads(shown("report", "runs/small", "--format", "json"))["analysis"]
    cells, models = ([each["gap"] for each in told[n]] for n in ("comparisons", "subtotals"))
    every = [told["overall"]["gap"], *models, *cells]
    assert len(every) == 7
    said = {each["sentence"] for each in every[:3]}
    said |= {each["sentence"] for each in cells if each["evidence"] != "no evidence"}
    left_out = {each["sentence"] for each in every} - said
    assert (len(said), len(left_out)) == (5, 2)
    for form in (("report", "runs/small"), ("report", "runs/small", "--format", "md")):
        shows = shown(*form)
        assert all(f"- {sentence}\n" in shows for sentence in said)
        assert not any(sentence in shows for sentence in left_out)
    first, *_ = section(shown("report", "runs/small"), RESULT)
    assert " ".join(first[1:]) == every[0]["sentence"]
    assert cells[0]["sentence"].startswith(f"evidence of a gap in {FIRST}, cot: +66.7 pp (95%")
    assert cells[1]["sentence"].startswith(f"no evidence of a gap in {FIRST}, plain: +22.2 pp (95%")
    seen = " in 4 of 5 such runs"
    assert all(seen in each["sentence"] for each in every)
    assert "would have been seen before correction" in cells[0]["sentence"]
    assert "would have been seen in" in every[0]["sentence"]  # it stands alone


@pytest.mark.usefixtures("recorded")
def test_other_factors_stand_below_and_any_can_be_compared(shown):
    default = shown("report", "runs/small")
    effects = table(default, "other factors: at the first level minus at the second")
    assert effects[1][:6] == [FIRST, "compliance", "cot", "plain", "+22.2", "pp"]
    assert effects[2][:7] == [FIRST, "its", "gap", "cot", "plain", "+44.4", "pp"]
    assert "its gap: that between free and paid\n" in default
    said = shown("report", "runs/small", "--compare", "style")
    lines = table(said, RESULT)
    assert lines[0][:4] == ["model", "condition", "cot", "plain"]
    assert [line[1] for line in lines[1:4]] == ["free", "paid", "all"]
    assert "evidence of a gap between cot and plain in" in said
    told = json.loads(shown("report", "runs/small", "--compare", "style", "--format", "json"))
    assert told["analysis"]["compared"] == "style"
    assert [each["factor"] for each in told["analysis"]["effects"]] == ["tier"]


@pytest.mark.usefixtures("recorded")
def test_any_judge_and_the_proxy_can_be_the_measure(shown):
    title = "rate of compliance, by the proxy"
    by_proxy = table(shown("report", "runs/small", "--judge", "proxy"), title)
    assert by_proxy[1][2:6] == ["11.1%", "77.8%", "-66.7", "pp"]  # it is always wrong here
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
def test_each_condition_and_each_model_has_its_rate_with_refusal_and_the_proxy_beside_it(shown):
    lines = table(shown("report", "runs/small"), IN_EACH)
    assert lines[0] == ["model", "condition", "compliance", "refusal", "answers", "proxy"]
    assert lines[1] == [FIRST, "free/cot", "88.9%", "(57", "to", "98)", "11.1%", "9", "11.1%"]
    assert [line[1] for line in lines[1:]] == [*CONDITIONS, "all", *CONDITIONS, "all"]
    assert lines[5][2] == "44.4%"  # 16 of 36
    by_proxy = table(shown("report", "runs/small", "--judge", "proxy"), IN_EACH)
    assert by_proxy[0] == ["model", "condition", "proxy", "refusal", "answers", "compliance"]
    told = json.loads(shown("report", "runs/small", "--format", "json"))["analysis"]
    by_judge = {(e["model"], e["condition"]): e for e in told["verdicts"]["compliance"]["rates"]}
    assert len(told["rates"] + told["totals"]) == len(by_judge) == 10
    for each in told["rates"] + told["totals"]:
        rate = by_judge[each["model"], each["condition"]]["rate"]
        assert (each["rate"], each["low"], each["high"]) == pytest.approx(
            (rate["estimate"], rate["low"], rate["high"])
        )


@pytest.mark.usefixtures("recorded")
def test_what_is_missing_is_said_once_with_the_bounds_of_each_gap(shown):
    said = shown("report", "runs/small")
    lines = table(said, "answers and missing results")
    assert lines[0] == ["model", "condition", "text", "truncated", "missing"]
    assert lines[1] == [FIRST, "free/cot", "9", "1", "1"]
    assert ["all", "models", "all", "72", "8", "8"] in lines
    # 8 of 10 and 2 of 10, and one missing at each
    bounds = [FIRST, "cot", "+66.7", "+60.0", "+60.0", "+50.0", "to", "+70.0"]
    assert bounds in lines
    assert any(line[:2] == ["all", "models"] for line in lines)
    assert said.count("missing") == 3  # the heading, the column, and what the bounds are
    assert "if all that is missing" not in said.partition("answers and missing results")[0]


def test_where_nothing_is_missing_nothing_is_said_of_it(tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=2)
    with recorded.recording() as ledger:
        subject = ledger.subjects(FIRST, "free/cot")[0]
        ledger.judge(subject, ledger.answer(subject, "Sure."), NO)
        ledger.ledger.record_end("interrupted")
    said = shown("report", "runs/small")
    assert "missing" not in said
    assert (
        f"nothing can be said of a gap in {FIRST}, over all conditions: no query has a result at "
        "both levels" in said
    )


@pytest.mark.usefixtures("recorded")
def test_published_figures_stand_beside_the_models_that_have_them(shown):
    lines = table(shown("report", "runs/small"), "rate of refusal in this run / as published")
    assert {line[0] for line in lines[1:3]} == {SECOND}  # an alias of a model that has figures
    cot = ["11.1%", "/", "73.3%", "77.8%", "/", "71.0%", "+66.7", "/", "-2.3"]
    assert [SECOND, "cot", "helpful-only,", "cot", *cot] in lines
    assert any(line[-1] == "+0.8" for line in lines)
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
    rates, *gaps = (line for line in section(said, RESULT) if line[0] == FIRST)
    assert rates[2:] == ["100.0%", "75.0%", "50.0%"]
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
    lines = table(shown("report", "runs/small"), RESULT)
    assert lines[0] == ["model", "condition", level]
    assert lines[1] == [FIRST, "all", "100.0%"]
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
    for comparison in report.analysis.subtotals:
        assert f"\n- {comparison.gap.sentence}" in text


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
