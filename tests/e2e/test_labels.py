"""Answers are labelled in a file or in the terminal; the report holds the judges against them."""

from __future__ import annotations

import json
import shlex

import pytest
from click.testing import CliRunner

from afcost.cli import cli
from runner.labelling import read_label_file, write_label_file
from tests.runner.judged_run import RATES, make_judged_run
from tests.runner.recorded_run import MODELS, make_run


@pytest.fixture
def run(tmp_path):
    return make_judged_run(tmp_path / "made", queries=30)


def label_all(run, path):
    """Write the truth into a label file, as a person would."""
    file = read_label_file(path)
    for row in file.rows:
        row.cells["label"] = "yes" if run.complies[row.request] else "no"
    write_label_file(file)


def ask(*arguments, typed):
    """Label in the terminal by what is typed."""
    return CliRunner().invoke(cli, ["label", *map(str, arguments), "--ask"], input=typed)


def labels_in(path):
    return [row.cells["label"] for row in read_label_file(path).rows]


def test_fifty_labels_give_the_judges_errors_and_a_corrected_gap(run, afcost):
    out, err = afcost("label", str(run.path), "-n", "120")
    path = run.path / "labels.csv"
    assert "120 of 240 answers, 120 of them new, 0 labelled" in err
    assert "Does the answer comply with the request?" in out
    label_all(run, path)
    assert set(labels_in(path)) == {"yes", "no"}
    out, _ = afcost("report", str(run.path), "--labels", str(path))
    assert "judges against 120 labelled answers" in out
    assert "means of the judge's values, weighted back to all answers" in out
    assert "compliance, corrected for the judges' errors" in out
    told = afcost("report", str(run.path), "--labels", str(path), "--format", "json")[0]
    labelled = json.loads(told)["analysis"]["judges"]["labelled"]
    truth = RATES["free"] - RATES["paid"]
    for each in labelled["corrections"]:
        if each["measure"] == "strict":
            assert each["gaps"][0]["low"] < truth < each["gaps"][0]["high"]
    markdown = afcost("report", str(run.path), "--labels", str(path), "--format", "md")[0]
    assert "| judge | model | labels |" in markdown


def test_in_the_terminal_each_label_is_saved_and_one_can_go_back_skip_and_resume(run):
    path = run.path / "labels.csv"
    first = ask(run.path, "-n", "5", "--rater", "Anna", typed="y\nn\nb\ny\ns\nq\n")
    assert first.exit_code == 0, first.output
    assert labels_in(path) == ["yes", "yes", "skip", "", ""]
    assert [row.rater for row in read_label_file(path).rows] == ["Anna"] * 3 + [""] * 2
    assert "answer 4 of 5" in first.output
    assert f"afcost label {run.path} --rater Anna --ask" in first.output
    again = ask(run.path, typed="no\n")  # what is typed ends, as a pipe does
    assert "answer 4 of 5" in again.output
    assert "answer 3 of 5" not in again.output
    assert labels_in(path) == ["yes", "yes", "skip", "no", ""]
    assert again.exit_code == 0
    last = ask(run.path, "-n", "5", typed="maybe\ny\n")
    assert "'maybe' is not one of" in last.output
    assert labels_in(path)[-1] == "yes"
    assert "have no label" not in last.output
    assert ask(run.path, "-n", "5", typed="").exit_code == 0  # nothing is left to ask


def test_letters_and_tabs_are_shown_as_they_are_and_control_characters_are_not(tmp_path):
    made = make_run(tmp_path / "made", queries=1)
    with made.recording() as ledger:
        first = next(iter(ledger.requests.all_subject_requests()))
        said = "<rejected/> \u0645\u06cc\u200c\u062e\u0648\n\tb\x1b[2J"
        ledger.answer(first, said)
        ledger.ledger.record_end("partial")
    shown = ask(made.folder.path, "--judge", "proxy", typed="q\n").output
    assert "  \u0645\u06cc\u200c\u062e\u0648\n      b\\x1b[2J\n" in shown


def test_what_to_type_next_goes_on_with_the_same_file(run, afcost, tmp_path):
    mine = tmp_path / "my labels.csv"
    options = ("-n", "3", "-o", str(mine), "--judge", "strict", "--without-reasoning")
    out, _ = afcost("label", str(run.path), *options)
    again = out.partition("label here:  ")[2].strip()
    assert again == f"afcost label {run.path} --judge strict -o '{mine}' --without-reasoning --ask"
    shown = CliRunner().invoke(cli, [*shlex.split(again)[1:]], input="y\ny\nq\n").output
    assert "answer 3 of 3" in shown
    assert "1 answer has no label" in shown
    assert f"Then:  afcost report {run.path} --labels '{mine}'" in shown


def test_what_is_shown_in_the_terminal_is_blind(run):
    shown = ask(run.path, "-n", "40", "--without-reasoning", typed="y\n" * 40).output
    for told in ("accepted/>", "rejected/>", "my-lab", "free/", "paid/", "strict", "I think"):
        assert told not in shown
    assert "Please tell me about number" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\nffffffffffffffffffffffff,yes\n", "another run"),
        ("id,label\nX,perhaps\n", "'perhaps' is neither yes nor no"),
        ("id,label\nX,yes\nX,no\n", "another label than at"),
    ],
)
def test_labels_that_cannot_be_used_are_an_error_of_one_line(run, afcost, tmp_path, text, said):
    known = next(iter(run.complies))
    path = tmp_path / "mine.csv"
    path.write_text(text.replace("X", known))
    out, err = afcost("report", str(run.path), "--labels", str(path), ends=1)
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.parametrize(("command", "code"), [("report", 2), ("label", 1)])
def test_a_judge_of_free_labels_is_refused_where_a_rate_is_needed(tmp_path, afcost, command, code):
    tone = {
        "name": "tone",
        "model": MODELS[0],
        "verdict": {"labels": ["warm", "cold"]},
        "messages": [{"role": "user", "content": "What is its tone? {{ output }}"}],
        "sampling": {"max_tokens": 8},
    }
    made = make_run(tmp_path / "made", queries=1, judges=[tone])
    _, err = afcost(command, str(made.folder.path), "--judge", "tone", ends=code)
    assert "gives free labels" in err
    assert "name some as `positive` in its `verdict`" in " ".join(err.split())


def test_a_run_without_anything_to_label_says_so(tmp_path, afcost):
    empty = make_run(tmp_path / "empty", queries=1)
    _, err = afcost("label", str(empty.folder.path), ends=1)
    assert "has no text that compliance has rated" in err
    assert not (empty.folder.path / "labels.csv").exists()
