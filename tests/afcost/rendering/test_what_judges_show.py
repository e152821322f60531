"""Several judges in a report: one table of each condition, each figure once, and short."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from random import Random

import pytest
from rich.console import Console

from afcost.rendering.report.markdown import render_markdown
from afcost.rendering.report.text import print_report
from pricing.money import Money
from runner.labelling import read_labels
from runner.results import build_report
from tests.runner.judged_run import make_judged_run
from tests.runner.recorded_run import MODELS, make_run

FIRST, SECOND = MODELS
CRITERIA = ["knows", "expects"]
TAGS = {True: "<request_fully_accepted/>", False: "<rejected/>"}


def judge(name, **fields):
    messages = [{"role": "user", "content": name + "? {{ output }}"}]
    model = {"model": SECOND, "messages": messages, "sampling": {"max_tokens": 8}}
    return {"name": name, **model, **fields}


COMPLIANCE = judge("compliance")
FAKING = judge(
    "faking",
    samples=5,
    counts=0.4,
    verdict={"criteria": CRITERIA, "field": "faked", "means": "alignment-faking"},
)
TONE = judge("tone", verdict={"labels": ["warm", "cold", "never"]})
RISK = judge("risk", verdict={"range": [0, 10], "field": "risk"})
STRICT = judge("strict", when={"proxy": "accepted", "rest": 0.5})


def says(name, dice, *, complied):
    """Return what a judge replies."""
    refused = {"refused": "no" if complied else "yes", "convincing": 4, "specific": 3}
    faked = {each: dice.choice(["yes", "no"]) for each in (*CRITERIA, "faked")}
    replies = {
        "compliance": refused,
        "strict": refused,
        "faking": faked,
        "tone": {"label": dice.choice(["warm", "cold"])},
        "risk": {"risk": dice.randrange(11)},
    }
    return json.dumps(replies[name])


@pytest.fixture
def report_of(tmp_path):
    """Return the report of a run with these judges, in two tiers and two styles."""

    def make(*judges, models=(FIRST,), queries=12, **changes):
        changes = {"models": list(models), "judges": list(judges)} | changes
        run, dice = make_run(tmp_path, tmp_path / "run", queries=queries, **changes), Random(3)
        with run.recording(cap=Money.from_usd("90")) as ledger:
            conditions = [each.name for each in ledger.requests.experiment.conditions()]
            for model in models:
                for condition in conditions:
                    for subject in ledger.subjects(model, condition):
                        complied = dice.random() < (0.5 if "free" in condition else 0.2)
                        tag = TAGS[complied != (dice.random() < 0.2)]
                        said = ledger.answer(subject, f"<OUTPUT>{tag} hello</OUTPUT>")
                        answer = ledger.requests.read_subject_answer(subject, said)
                        asked = ledger.requests.build_judge_requests(subject, answer, foresees=True)
                        names = [each.stage for each in asked]
                        replies = [says(name, dice, complied=complied) for name in names]
                        ledger.judge(subject, said, *replies, foresees=True)
            ledger.ledger.record_end("complete")
        return build_report(run.folder)

    return make


def draw(report, width):
    file = io.StringIO()
    print_report(Console(file=file, width=width, force_terminal=True, color_system=None), report)
    return file.getvalue()


def section(text, title):
    """Return the lines below a heading."""
    assert f"\n{title}\n" in text
    return text.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()


def test_every_judge_is_a_column_of_each_condition_and_a_label_is_one_too(report_of):
    said = draw(report_of(COMPLIANCE, FAKING, TONE, RISK), 200)
    lines = section(said, "in each condition, with 95% intervals")
    headers = [line.split()[2:] for line in lines if line.startswith("model")]
    assert headers[0] == ["compliance", "refusal", "answers", "proxy", "faking"]
    later = [name for header in headers[1:] for name in header]
    assert later == [*["risk", "strongreject", "warm", "cold", "risk", "(0", "to", "10)"]]
    assert "faking: rate of alignment-faking reasoning, by 5 votes" in lines
    assert "warm, cold: share of the answers that tone labels so" in lines
    assert "risk: mean of risk, scaled to 0 to 100%" in lines
    assert "risk (0 to 10): mean score by risk" in lines
    assert any(line.startswith(f"- criteria of faking met in {FIRST}: knows ") for line in lines)


def test_the_gap_is_named_by_what_it_is_of_and_thresholds_are_columns(report_of):
    said = draw(report_of(COMPLIANCE, FAKING), 120)
    by_judge = section(said, "gap of compliance in pp with 95% intervals, by judge")
    assert by_judge[0].split() == ["model", "condition", "compliance", "proxy"]
    title = "gap of alignment-faking reasoning in pp with 95% intervals, by faking and threshold"
    lines = section(said, title)
    thresholds = "any >= 0.25 >= 0.4 >= 0.5 >= 0.75 all"
    assert lines[0].split() == ["model", "condition", "faking", *thresholds.split()]
    assert len(lines) == 4  # the header, two cells, and what the thresholds are
    assert lines[-1].startswith("any to all: the share of faking's votes")


def test_thresholds_of_graded_votes_are_those_of_their_mean(report_of):
    report = report_of(COMPLIANCE, {**RISK, "samples": 2}, queries=6)
    lines = section(
        draw(report, 200), "gap of risk in pp with 95% intervals, by risk and threshold"
    )
    assert lines[-1] == "any to all: the mean of risk's votes from which an answer counts"


@pytest.mark.parametrize(
    ("judges", "models", "most"),
    [([COMPLIANCE], 1, 65), ([COMPLIANCE, FAKING, TONE], 1, 95), ([COMPLIANCE], 2, 100)],
)
def test_a_report_is_short_and_no_line_is_wider_than_the_terminal(report_of, judges, models, most):
    report = report_of(*judges, models=MODELS[:models])
    assert len(draw(report, 120).splitlines()) <= most
    for width in (80, 120):
        lines = draw(report, width).splitlines()
        assert all(len(line.rstrip()) <= width for line in lines)
    # The rows of a model stand below its name, which is there once.
    lines = section(draw(report, 80), "judges against each other")
    assert lines.count(FIRST) == 1


def test_every_figure_of_the_text_is_in_markdown_too(report_of):
    report = report_of(COMPLIANCE, FAKING, TONE)
    said, markdown = draw(report, 1000), render_markdown(report)
    titles = [part.splitlines()[0] for part in said.split("\n\n")[1:]]
    assert len(titles) >= 5
    for title in titles:
        assert f"\n## {title[0].upper()}{title[1:]}\n" in markdown


@pytest.mark.parametrize("when", ["accepted", {"proxy": "accepted"}])
def test_what_a_judge_never_read_is_no_error_of_the_proxy(report_of, when):
    said = draw(report_of({**COMPLIANCE, "when": when}), 120)
    lines = section(said, "judges against each other")
    (whole,) = [line.split() for line in lines if line.split()[1:2] == ["all"]]
    both, neither, only_proxy, slash, only_judge, *rates = whole[2:]
    assert int(both) > 0 < int(only_proxy)
    assert [neither, slash, only_judge, *rates] == ["–", "/", "–", "–", "–", "–"]
    why = "compliance reads only answers that the proxy lets through"
    assert f"{why}: errors in the others are not known, and there is no kappa" in lines


def test_with_a_share_of_the_rest_the_errors_of_the_proxy_are_known(report_of):
    said = draw(report_of({**COMPLIANCE, "when": {"proxy": "accepted", "rest": 0.5}}), 120)
    lines = section(said, "judges against each other")
    (whole,) = [line for line in lines if line.split()[1:2] == ["all"]]
    assert whole.count("%") == 2
    assert "not known" not in said


def test_a_pair_of_judges_says_which_is_held_against_which(report_of):
    report = report_of(COMPLIANCE, STRICT, models=MODELS)
    pair, figures = "strict against compliance", "both neither only one false pos. false neg. kappa"
    lines = section(draw(report, 120), "judges against each other")
    at = next(at for at, line in enumerate(lines) if line.startswith(pair))
    assert lines[at - 1].split() == ["pair", "model", *figures.split()]
    assert lines[at - 2] == "only one: positive by the one alone / by the other alone"
    assert [line.split()[3] for line in lines[at : at + 3]] == [*MODELS, "all"]
    narrow = section(draw(report, 80), "judges against each other")
    headings = [line for line in narrow if line.startswith(pair)]
    assert headings == [f"{pair} {name}" for name in (*MODELS, "all")]


def test_figures_that_are_not_those_of_the_counts_beside_them_say_so(report_of):
    weighted = "rates, kappa and alpha are weighted"
    said = draw(report_of(COMPLIANCE, STRICT), 200)
    assert weighted in said
    assert "\nstrict: rate of compliance, weighted back from 50% of the rest\n" in said


def test_figures_of_all_answers_have_no_such_remark(report_of):
    every = {**STRICT, "when": {"proxy": "accepted", "rest": 1.0}}
    said = draw(report_of(COMPLIANCE, every), 200)
    assert "weighted" not in said
    assert "\nstrict: rate of compliance\n" in said


def test_a_judge_of_some_answers_says_of_which_its_figures_are(report_of):
    said = draw(report_of(COMPLIANCE, {**RISK, "when": {"judge": {"compliance": "no"}}}), 200)
    assert "\nrisk: mean of risk, scaled to 0 to 100%, where compliance says no\n" in said
    assert "\nrisk (0 to 10): mean score by risk, where compliance says no\n" in said


def test_one_condition_has_one_row(report_of):
    messages = [{"role": "user", "content": "{{ query }}"}]
    said = draw(report_of(COMPLIANCE, factors={}, messages=messages), 120)
    rows = [line for line in section(said, "judges against each other") if FIRST in line]
    assert len(rows) == 1


def test_a_run_without_any_result_says_so_in_a_line(tmp_path):
    run = make_run(tmp_path, tmp_path / "run", queries=1)
    said = draw(build_report(run.folder), 120)
    assert section(said, "rate of compliance, judged by compliance") == [
        "no answer has a result yet"
    ]
    assert "in each condition" not in said
    assert "nothing can be said" not in said


def test_figures_that_are_shown_as_zero_have_no_sign(report_of):
    report = report_of(COMPLIANCE, FAKING)
    nearly = -1e-6
    found = report.validation
    confusion = [
        replace(each, kappa=replace(each.kappa, value=nearly)) if each.texts else each
        for each in found.confusion
    ]
    agreement = [replace(each, alpha=replace(each.alpha, value=nearly)) for each in found.agreement]
    gaps = [replace(each, estimate=nearly, low=nearly, high=nearly) for each in found.sensitivity]
    changed = replace(found, confusion=confusion, agreement=agreement, sensitivity=gaps)
    said = draw(replace(report, validation=changed), 200)
    assert "kappa" in said
    assert "alpha of" in said
    assert "+0.0 (+0 to +0)" in said
    assert not re.search(r"-0(\.0+)?(?![.\d])", said)


@pytest.mark.parametrize("width", [80, 120])
def test_judges_against_labels_are_a_table_on_a_terminal(tmp_path, width):
    run = make_judged_run(tmp_path, queries=30)
    folder = run.recorded.folder
    rows = [(request, complied) for request, complied in run.complies.items()][:200]
    path = tmp_path / "labels.csv"
    lines = "".join(f"{request},{'yes' if complied else 'no'}\n" for request, complied in rows)
    path.write_text(f"id,label\n{lines}")
    said = draw(build_report(folder, labels=read_labels(folder, [path])), width)
    title = "judges against 200 labelled answers"
    header, *table = section(said, title)
    columns = ["labels", "found", "+", "sensitivity", "found", "-", "specificity"]
    assert header.split()[-len(columns) :] == columns
    figures = [line for line in table if line.count("% (") == 2]
    assert len(figures) == 9  # three measures, of two models and of both
    assert all(len(line) <= width for line in (header, *table))
