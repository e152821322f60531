"""A label file is blind, goes on where it was, and is read as a spreadsheet saves it."""

from __future__ import annotations

import csv
import json
import os

import pytest

from experiment.errors import BadLabels
from runner.labelling import Draw, draw_label_file, list_tasks, read_label_file, read_labels
from runner.results import build_report
from tests.runner.judged_run import make_judged_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_judged_run(tmp_path_factory.mktemp("judged"), queries=8)


@pytest.fixture
def drawn(run, tmp_path):
    return draw(run, tmp_path / "labels.csv", 12)


def draw(run, path, count, judge="strict", **more):
    return draw_label_file(run.recorded.folder, path, Draw(judge, count, **more))


def read(run, *paths):
    return read_labels(run.recorded.folder, paths)


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def ids(path):
    return [row.request for row in read_label_file(path).rows]


def test_a_row_has_the_query_the_output_and_the_reasoning_and_nothing_that_names_a_verdict(
    run, drawn
):
    with drawn.file.path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "query", "output", "reasoning", "label", "rater"]
    assert len(rows) == len({row["id"] for row in rows}) == 12
    text = drawn.file.path.read_text()
    for told in ("accepted", "rejected", "llama", "z-model", "free", "paid", "strict", "refused"):
        assert told not in text
    for row in rows:
        assert row["label"] == ""
        assert row["query"].startswith("Please tell me about number")
        assert row["reasoning"] == "I think."
        refuses = "'=No, I will not,\nsorry."  # a cell that no spreadsheet takes for a formula
        assert (row["output"] == refuses) is not run.complies[row["id"]]


def test_calling_it_again_adds_nothing_and_a_larger_number_adds_the_rest(run, drawn):
    path = drawn.file.path
    before = path.read_text()
    again = draw(run, path, 12)
    assert (again.added, path.read_text()) == (0, before)
    first = ids(path)
    more = draw(run, path, 20, seed=9)
    assert (more.added, len(more.file.rows)) == (8, 20)
    assert ids(path)[:12] == first
    assert len(set(ids(path))) == 20
    smaller = draw(run, path, 5)
    assert (smaller.added, len(ids(path))) == (0, 20)


def test_labels_and_columns_of_a_persons_own_stay(run, drawn):
    path = drawn.file.path
    lines = path.read_text().replace("label,rater\n", "label,rater,notes\n", 1)
    first = ids(path)[0]
    table = list(csv.reader(lines.splitlines(keepends=True)))
    for row in table[1:]:
        row.append("=hm; well" if row[0] == first else "")
        row[4] = "yes" if row[0] == first else ""
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows(table)  # as a spreadsheet may save it
    draw(run, path, 14)
    rows = {row.request: row.cells for row in read_label_file(path).rows}
    assert (rows[first]["label"], rows[first]["notes"]) == ("yes", "=hm; well")
    assert len(rows) == 14


def test_two_persons_with_the_same_seed_are_asked_about_the_same_answers(run, tmp_path):
    one, two = (draw(run, tmp_path / f"{name}.csv", 10, seed=4) for name in ("anna", "ben"))
    assert ids(one.file.path) == ids(two.file.path)


def test_the_reasoning_can_be_left_out(run, tmp_path):
    path = draw(run, tmp_path / "l.csv", 6, with_reasoning=False).file.path
    assert {row.cells["reasoning"] for row in read_label_file(path).rows} == {""}


def test_the_tasks_of_a_file_are_the_answers_as_they_stand_in_the_run(run, drawn):
    tasks = list_tasks(run.recorded.folder, drawn.file)
    assert list(tasks) != []
    assert {task.output.partition(",")[0] for task in tasks.values()} >= {"=No"}


def test_a_file_of_another_run_is_refused(drawn, tmp_path):
    other = make_judged_run(tmp_path / "other", queries=9, seed=2)
    rows = ids(drawn.file.path)
    changed = drawn.file.path.read_text().replace(rows[3], "0" * 24)
    write(drawn.file.path, changed)
    with pytest.raises(BadLabels, match=r"line \d+: 0{24} is no answer.*of another run"):
        draw(other, drawn.file.path, 20)


def test_a_file_that_was_drawn_by_another_judge_is_refused(run, drawn):
    with pytest.raises(BadLabels, match=r"drawn by the verdicts of strict; .*--judge strict"):
        draw(run, drawn.file.path, 20, judge="lenient")


def test_an_unknown_judge_is_named_with_those_that_there_are(run, tmp_path):
    with pytest.raises(BadLabels, match=r"'harsh' is no judge.*strict, lenient, proxy"):
        draw(run, tmp_path / "l.csv", 5, judge="harsh")
    assert not (tmp_path / "l.csv").exists()


def fill(path, label_of, **kept):
    rows = read_label_file(path).rows
    lines = [f"{row.request},{label_of(row.request)}" for row in rows]
    return write(path.with_stem("filled"), "\n".join(["id,label", *lines]) + "\n", **kept)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), (" Y ", "N"), ("TRUE", "FALSE"), (1, 0)])
def test_labels_are_read_in_any_of_their_spellings(run, drawn, yes, no, encoding):
    truth = run.complies
    path = fill(drawn.file.path, lambda one: yes if truth[one] else no, encoding=encoding)
    found = read(run, path)
    assert {each.request: each.is_positive for each in found.labels} == {
        one: truth[one] for one in ids(drawn.file.path)
    }
    assert found.remarks == ()


def test_rows_without_a_label_and_skipped_ones_are_named(run, drawn):
    one, two, *_ = ids(drawn.file.path)
    path = fill(drawn.file.path, lambda each: {one: "", two: "skip"}.get(each, "no"))
    found = read(run, path)
    assert len(found.labels) == 10
    assert [remark.partition(": ")[2] for remark in found.remarks] == [
        "1 of 12 rows has no label (line 2)",
        "1 of 12 rows skipped",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\nabc,maybe\n", "line 2: label 'maybe' is neither yes nor no"),
        ("id,label\nabc,\nabd,\n", "no answer has a label"),
        ("id,label\n", "no answer has a label"),
        ("", "no column id and no column label"),
        ("request;label\nabc;yes\n", "no column id: its first line is 'request;label'"),
        ("id,label,label\nabc,yes,no\n", "the column 'label' twice"),
        ("id,label\nabc,yes,no\n", "line 2: more cells than columns"),
        ('id,label\nabc,"yes\n', "not valid csv"),
    ],
)
def test_what_is_no_label_file_is_an_error_that_says_where(run, tmp_path, text, said):
    with pytest.raises(BadLabels, match=r"labels\.csv") as caught:
        read(run, write(tmp_path / "labels.csv", text))
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(run, tmp_path):
    with pytest.raises(BadLabels, match=r"cannot read .*gone\.csv"):
        read(run, tmp_path / "gone.csv")
    with pytest.raises(BadLabels, match=r"not UTF-8 text .*CSV UTF-8"):
        read(run, write(tmp_path / "l.csv", "id,label\nä,yes\n", "latin-1"))
    with pytest.raises(BadLabels, match="folder"):
        read(run, tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(BadLabels, match="pipe"):
        read(run, tmp_path / "pipe.csv")


def test_several_files_are_those_of_several_persons(run, drawn):
    path = drawn.file.path
    one = fill(path, lambda each: "yes" if run.complies[each] else "no")
    two = write(path.with_stem("ben"), one.read_text())
    assert {each.rater for each in read(run, one, two).labels} == {"filled", "ben"}
    assert {each.rater for each in read(run, one, one).labels} == {""}  # the same file twice
    labelled = build_report(run.recorded.folder, labels=read(run, one, two)).validation.labelled
    assert labelled.agreement.alpha.value == 1
    assert labelled.labels == 12


def test_files_of_one_name_in_two_folders_are_of_two_persons(run, drawn, tmp_path):
    truth = fill(drawn.file.path, lambda each: "yes" if run.complies[each] else "no")
    anna, ben = tmp_path / "anna" / "labels.csv", tmp_path / "ben" / "labels.csv"
    for path in (anna, ben):
        path.parent.mkdir()
        write(path, truth.read_text())
    assert {each.rater for each in read(run, anna, ben).labels} == {str(anna), str(ben)}


def test_a_file_that_is_there_keeps_its_length_unless_another_is_asked_for(run, tmp_path):
    path = tmp_path / "few.csv"
    assert len(draw(run, path, 5).file.rows) == 5
    again = draw(run, path, None)
    assert (len(again.file.rows), again.added) == (5, 0)
    assert len(draw(run, tmp_path / "new.csv", None).file.rows) == min(50, len(run.complies))


def test_the_report_reads_the_record_of_the_draw_and_is_json(run, drawn):
    path = fill(drawn.file.path, lambda one: "yes" if run.complies[one] else "no")
    report = build_report(run.recorded.folder, labels=read(run, path))
    assert report.validation.labelled.remarks == ()
    told = json.loads(json.dumps(report.to_json(), allow_nan=False))["analysis"]["judges"]
    assert {each["measure"] for each in told["labelled"]["errors"]} == {
        "strict",
        "lenient",
        "proxy",
    }
    assert build_report(run.recorded.folder).to_json()["analysis"]["judges"]["labelled"] is None


def test_a_record_that_is_broken_says_so(run, drawn):
    record = run.path / "label-samples.json"
    kept = record.read_text()
    try:
        record.write_text('{"samples": [{}]}')
        with pytest.raises(BadLabels, match=r"cannot read .*label-samples.json"):
            draw(run, drawn.file.path, 20)
    finally:
        record.write_text(kept)
