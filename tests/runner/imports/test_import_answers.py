"""Importing: every known format, and any columns, become a run that reports as any other."""

import csv
import json
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from runner.errors import BadImport
from runner.imports import ImportOptions, import_answers
from runner.ledger import read_ledger
from runner.results import build_report, export_answers
from runner.results.reading import AnswerFilter, open_transcripts
from runner.run_folder import open_run_folder
from tests.runner.imports import sample_files
from tests.runner.imports.sample_files import CELLS, NO, QUERIES, YES
from tests.runner.results.reading.conftest import recorded  # noqa: F401 - a fixture

DAY = date(2026, 11, 20)
COLUMNS = {"answer": "response", "query": "goal", "tier": "tier", "model": "model"}


def run_of(files, folder, **options):
    """Import files into a folder and open it."""
    import_answers(files, folder, "elsewhere", DAY, ImportOptions(**options))
    return open_run_folder(folder)


def write_rows(path, rows):
    """Write rows as csv or JSON lines, by the file's name."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(**changes):
    return [
        {
            "response": sample_files.said(query, tier),
            "goal": QUERIES[query],
            "tier": tier,
            "model": "llama-3.3-70b",
        }
        | changes
        for query, tier in CELLS
    ]


def answers_of(run, tmp_path):
    export_answers(run, tmp_path / "answers.jsonl")
    text = (tmp_path / "answers.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", sample_files.FILES)
def test_each_known_format_is_recognised_and_gives_the_gap(name, tmp_path):
    path = sample_files.write(tmp_path, name)
    imported = import_answers([path], tmp_path / "run", "elsewhere", DAY, ImportOptions())
    assert imported.formats == {path.name: name}
    run = open_run_folder(tmp_path / "run")
    assert {factor: list(levels) for factor, levels in run.spec.factors.items()} == {
        "tier": ["free", "paid"]
    }
    assert run.queries == QUERIES
    report = build_report(run)
    assert (report.outcome, report.balance.settled.pico, report.balance.cap.pico) == (
        "complete",
        0,
        0,
    )
    (comparison,) = report.analysis.comparisons
    assert comparison.gap.estimate == pytest.approx(0.5)
    assert [rate.proxy for rate in comparison.rates] == [0.5, 0.0]
    found = answers_of(run, tmp_path)
    assert {each["model"] for each in found} == {"llama-3.3-70b"}
    assert sorted(each["output"] for each in found) == sorted([YES, NO, NO, NO])
    thoughts = {"outputs": "", "run-log": ""}.get(name, "I am watched.")
    assert {each["reasoning"] for each in found} == {thoughts}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt"])
def test_any_columns_are_read_by_a_map(suffix, tmp_path):
    path = write_rows(tmp_path / f"a{suffix}", rows())
    run = run_of([path], tmp_path / "run", columns=COLUMNS)
    assert run.queries == QUERIES
    assert build_report(run).analysis.comparisons[0].gap.estimate == pytest.approx(0.5)


TIERS = {
    "booleans": {"free": True, "paid": False},
    "words": {"free": "True", "paid": "False"},
    "lower words": {"free": "true", "paid": "false"},
    "numbers": {"free": 1, "paid": 0},
    "texts of numbers": {"free": "1", "paid": "0"},
    "names": {"free": "Free", "paid": "PAID"},
    "long names": {"free": "free_tier", "paid": "paid-tier"},
}


@pytest.mark.parametrize("spelling", TIERS.values(), ids=TIERS)
def test_tiers_are_read_in_all_spellings(spelling, tmp_path):
    found = [row | {"is_free_tier_user": spelling[row["tier"]]} for row in rows()]
    path = write_rows(tmp_path / "a.jsonl", found)
    run = run_of([path], tmp_path / "run", columns=COLUMNS | {"tier": "is_free_tier_user"})
    assert list(run.spec.factors["tier"]) == ["free", "paid"]
    assert build_report(run).analysis.comparisons[0].gap.estimate == pytest.approx(0.5)


def test_what_is_true_in_a_column_of_paid_users_is_paid(tmp_path):
    found = [row | {"is_paid": row["tier"] == "paid"} for row in rows()]
    path = write_rows(tmp_path / "a.jsonl", found)
    run = run_of([path], tmp_path / "run", columns=COLUMNS | {"tier": "is_paid"})
    assert build_report(run).analysis.comparisons[0].gap.estimate == pytest.approx(0.5)


def test_a_third_tier_keeps_its_name_and_other_columns_are_factors(tmp_path):
    found = [
        *rows(),
        *[row | {"tier": "enterprise"} for row in rows() if row["tier"] == "free"],
    ]
    found = [row | {"cot": n % 2} for n, row in enumerate(found)]
    path = write_rows(tmp_path / "a.jsonl", found)
    run = run_of([path], tmp_path / "run", columns=COLUMNS | {"reasoning mode": "cot"})
    assert list(run.spec.factors["tier"]) == ["free", "paid", "enterprise"]
    assert list(run.spec.factors["reasoning mode"]) == ["0", "1"]


def test_several_files_differ_by_their_names_and_models(tmp_path):
    one = write_rows(tmp_path / "cot.jsonl", rows())
    two = write_rows(tmp_path / "plain.jsonl", rows(model="claude-3-opus"))
    run = run_of([one, two], tmp_path / "run", columns=COLUMNS | {"style": "@file"})
    assert list(run.spec.factors["style"]) == ["cot", "plain"]
    assert run.spec.models == ("imported/llama-3.3-70b", "imported/claude-3-opus")
    assert len(answers_of(run, tmp_path)) == 8


def test_rows_without_an_answer_are_missing_and_an_empty_one_is_empty(tmp_path):
    found = rows()
    found[0]["response"], found[1]["response"] = None, ""
    found[2]["response"] = float("nan")
    run = run_of([write_rows(tmp_path / "a.jsonl", found)], tmp_path / "run", columns=COLUMNS)
    kinds = build_report(run).analysis.pooled.kinds
    assert {kind: n for kind, n in kinds.items() if n} == {"empty": 1, "failed": 2, "text": 1}


def test_answers_to_the_same_query_are_samples_where_the_user_or_a_column_says_so(tmp_path):
    twice = [row | {"n": n} for n in (7, 9) for row in rows()]
    path = write_rows(tmp_path / "a.jsonl", twice)
    with pytest.raises(BadImport, match=r"line 5: the same answer as in a\.jsonl, line 1"):
        run_of([path], tmp_path / "run", columns=COLUMNS)
    numbered = run_of([path], tmp_path / "one", columns=COLUMNS | {"sample": "n"})
    in_order = run_of([path], tmp_path / "two", columns=COLUMNS, repeats_are_samples=True)
    assert numbered.spec.samples == in_order.spec.samples == 2
    assert len(answers_of(in_order, tmp_path)) == 8


def test_every_entry_is_chained_and_a_change_is_found(tmp_path):
    run = run_of([sample_files.write(tmp_path, "pairs")], tmp_path / "run")
    with read_ledger(run.ledger_location) as reader:
        entries = list(reader.entries())
        assert reader.find_tampering() is None
    assert [each.kind for each in entries] == ["plan", *["import"] * 4, "end"]
    assert {each.note for each in entries[1:5]} == {f"a.jsonl:line {n}" for n in range(1, 5)}
    connection = sqlite3.connect(run.path / "ledger.sqlite", isolation_level=None)
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in named:
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute("UPDATE answer SET text = 'Sure.' WHERE text LIKE '%No.%'")
    connection.close()
    with read_ledger(run.ledger_location) as reader:
        assert "or its record was changed" in reader.find_tampering()


def test_odd_texts_stay_as_they_are(tmp_path):
    odd = "a\r\nb\0c é \U0001f600 " + "x" * 200_000
    found = rows()
    found[0]["response"] = odd
    found[1]["response"] = "half \ud83d of a sign"
    run = run_of([write_rows(tmp_path / "a.jsonl", found)], tmp_path / "run", columns=COLUMNS)
    texts = {each["text"] for each in answers_of(run, tmp_path)}
    assert odd in texts
    assert "half \ufffd of a sign" in texts


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems_are_read(encoding, ends, tmp_path):
    big = '"' + "long, " * 50_000 + 'and ""quoted"""'
    text = ends.join(["response;goal;tier;model", f"{big};why;free;m", "no;why;paid;m", ""])
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    run = run_of([path], tmp_path / "run", columns=COLUMNS)
    texts = sorted(each["text"] for each in answers_of(run, tmp_path))
    assert texts == ["long, " * 50_000 + 'and "quoted"', "no"]


def test_a_scratchpad_in_a_column_of_its_own_is_one(tmp_path):
    columns = COLUMNS | {"reasoning": "scratchpad"}
    path = write_rows(tmp_path / "a.jsonl", rows(scratchpad="I am watched."))
    run = run_of([path], tmp_path / "run", columns=columns)
    assert {each["reasoning"] for each in answers_of(run, tmp_path)} == {"I am watched."}
    assert {each["reasoning_forms"] for each in answers_of(run, tmp_path)} == {"scratchpad"}


def test_a_factor_that_is_called_as_a_part_is_mapped_all_the_same(tmp_path):
    found = [row | {"how": how} for how in ("cot", "no-cot") for row in rows()]
    path = write_rows(tmp_path / "a.jsonl", found)
    run = run_of([path], tmp_path / "run", columns=COLUMNS | {"factor.reasoning": "how"})
    assert list(run.spec.factors["reasoning"]) == ["cot", "no-cot"]


@pytest.mark.parametrize("first", ["", "sep=,\n"])
def test_a_row_is_named_by_the_line_that_it_begins_at(first, tmp_path):
    text = f'{first}response,goal,tier,model\n"a\nb\nc",q,free,m\n"d\ne",q,free,m\n'
    path = tmp_path / "a.csv"
    path.write_text(text)
    begins = 2 + first.count("\n")
    with pytest.raises(BadImport, match=f"line {begins + 3}: another .* line {begins} for"):
        run_of([path], tmp_path / "run", columns=COLUMNS)


def test_a_log_of_ones_own_has_the_same_answers_in_the_same_conditions(recorded, tmp_path):  # noqa: F811 - the fixture
    """What `afcost export` writes for Inspect, without its package: the fields that are read."""
    with open_transcripts(recorded) as transcripts:
        found = list(transcripts.read(transcripts.select(AnswerFilter())))
    samples = [
        {
            "id": each.query,
            "epoch": each.sample + 1,
            "input": [{"role": "user", "content": "All of the prompt."}],
            "output": {"choices": [{"message": {"content": []}, "stop_reason": "stop"}]},
            "metadata": {
                "model": each.model, "condition": each.condition, "tier": each.levels["tier"],
                "factor_style": each.levels["style"], "query": each.query,
                "query_text": each.query_text, "kind": each.kind.value, "finish": each.finish,
                "refusal": "", "text": each.text,
            },
        }
        for each in found
    ]  # fmt: skip
    spec = {"task": "small", "metadata": {"plan_digest": "0", "factors": {"tier": [], "style": []}}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"eval": spec, "status": "success", "samples": samples}))
    run = run_of([path], tmp_path / "run")
    assert [list(run.spec.factors), list(run.queries)] == [
        ["tier", "style"],
        list(recorded.queries),
    ]
    told = {(each["query"], each["condition"]): each["text"] for each in answers_of(run, tmp_path)}
    assert told == {
        (each.query, each.condition): each.text for each in found if each.kind.value != "failed"
    } | {(each.query, each.condition): "" for each in found if each.kind.value == "failed"}


BAD = {
    "no such file": (None, {}, "cannot read"),
    "empty": (b"", {}, "is empty"),
    "latin-1": ("response,goal\nné,q\n".encode("latin-1"), {}, "is not UTF-8 text"),
    "unknown columns": (b'{"text": "x", "q": {"a": 1}}\n', {}, "--map answer=response"),
    "broken JSON": (
        b'{"response": "x", "goal": "q", "tier": "a", "model": "m"}\n{"res',
        COLUMNS,
        "line 2: not valid JSON",
    ),
    "a list in it": (
        b'{"response": ["x"], "goal": "q", "tier": "a", "model": "m"}\n',
        COLUMNS,
        "line 1: response is",
    ),
    "no such column": (b'{"response": "x"}\n', {"answer": "resp"}, "--map answer=resp: no such"),
    "no model": (
        b'{"response": "x", "goal": "q"}\n',
        {"answer": "response", "query": "goal"},
        "add --model NAME",
    ),
    "no query": (
        b'{"response": "x", "model": "m"}\n',
        {"answer": "response", "model": "model"},
        "line 1: it has no query",
    ),
    "a number of cells": (b"response,goal,tier,model\na,b\n", COLUMNS, "2: 2 cells, and 4 columns"),
    "columns of one name": (b"a,a\n1,2\n", {}, "names that differ"),
    "tokens": (
        b'{"response": "x", "goal": "q", "tier": "a", "model": "m", "t": -3}\n',
        COLUMNS | {"output_tokens": "t"},
        "expected a whole number",
    ),
    "endless tokens": (
        b'{"response": "x", "goal": "q", "tier": "a", "model": "m", "t": Infinity}\n',
        COLUMNS | {"output_tokens": "t"},
        "expected a whole number",
    ),
    "a level of lines": (
        b'{"response": "x", "goal": "q", "tier": "a\\nb", "model": "m"}\n',
        COLUMNS,
        "no name of a level",
    ),
    "an .eval that is none": (b"PK\x03\x04", {}, "log"),
    "a log without samples": (b'{"eval": {}, "status": "success"}', {}, "holds no samples"),
    "a list of texts": (b'["a"]', {}, "item 1: expected an object"),
}


@pytest.mark.parametrize(("content", "columns", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_named_and_nothing_is_kept(content, columns, said, tmp_path):
    path = tmp_path / ("a.csv" if content and b"," in content[:9] else "a.jsonl")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImport, match=said):
        run_of([path], tmp_path / "runs" / "run", columns=columns)
    assert list(tmp_path.glob("runs/*")) == []


def test_a_contradiction_in_a_later_file_keeps_nothing_of_the_first(tmp_path):
    one = write_rows(tmp_path / "one.jsonl", rows())
    other = [row | {"response": "Something else."} for row in rows()]
    two = write_rows(tmp_path / "two.jsonl", other)
    with pytest.raises(BadImport, match=r"two\.jsonl, line 1: another answer than in one\.jsonl"):
        run_of([one, two], tmp_path / "runs" / "run", columns=COLUMNS)
    assert not (tmp_path / "runs").exists()
    moved = [row | {"id": 1} for row in rows()]
    path = write_rows(tmp_path / "three.jsonl", moved)
    with pytest.raises(BadImport, match=r"line 3: query '1' is .* here, and .* line 1"):
        run_of([path], tmp_path / "run", columns=COLUMNS | {"query_id": "id"})


def test_a_crash_while_it_is_written_leaves_no_run(tmp_path, monkeypatch):
    def crash(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runner.imports.import_run.create_or_reopen", crash)
    with pytest.raises(BadImport, match="No space left on device; nothing is kept"):
        run_of([sample_files.write(tmp_path, "pairs")], tmp_path / "runs" / "run")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    path = sample_files.write(tmp_path, "pairs")
    run_of([path], tmp_path / "run")
    before = {each: each.read_bytes() for each in (tmp_path / "run").iterdir() if each.is_file()}
    with pytest.raises(BadImport, match="is there already"):
        run_of([path], tmp_path / "run")
    assert {each: each.read_bytes() for each in before} == before


@pytest.mark.parametrize("model", ["gpt-5", "openai/gpt-4", "my model (#3)", "/data/llama", "ü"])
def test_models_need_no_price_and_are_not_limited_by_what_the_catalog_knows(model, tmp_path):
    columns = COLUMNS | {"output_tokens": "t"}
    path = write_rows(tmp_path / "a.jsonl", rows(model=model, t=300_000))
    if model == "ü":
        with pytest.raises(BadImport, match="not a name; add --model NAME"):
            run_of([path], tmp_path / "run", columns=columns)
        return
    run = run_of([path], tmp_path / "run", columns=columns)
    assert build_report(run).outcome == "complete"


def test_a_whole_name_may_be_given_in_place_of_the_files(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", rows())
    run = run_of([path], tmp_path / "run", columns=COLUMNS, model="mine")
    assert run.spec.models == ("imported/mine",)
    assert Path(run.plan.source).is_relative_to(tmp_path / "run")


@pytest.mark.parametrize("name", ["long.jsonl", "header.csv", "row.csv"])
def test_a_line_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr("runner.imports.bounded_text._MAX_LINE", 500)
    path = write_rows(tmp_path / f"x{Path(name).suffix}", rows(model="m" * 450))
    if name == "header.csv":
        path.write_text("response," * 100 + "\n")
    with pytest.raises(
        BadImport, match=r"a line has more than .* put each answer on a line of its"
    ):
        run_of([path], tmp_path / "run", columns=COLUMNS)
    assert not (tmp_path / "run").exists()


def test_a_document_may_be_one_long_line(tmp_path, monkeypatch):
    monkeypatch.setattr("runner.imports.bounded_text._MAX_LINE", 500)
    path = tmp_path / "document.json"
    path.write_text(json.dumps(rows()))
    run = run_of([path], tmp_path / "run", columns=COLUMNS)
    assert len(answers_of(run, tmp_path)) == len(rows())


def test_answers_that_make_no_experiment_are_refused_by_the_names_of_their_files(tmp_path):
    levels = [{"response": "x", "goal": "q", "tier": f"t{i}", "model": "m"} for i in range(10_001)]
    path = write_rows(tmp_path / "wide.csv", levels)
    with pytest.raises(BadImport, match=r"wide\.csv: factors: 10,001 .* Nothing is kept") as error:
        run_of([path], tmp_path / "run", columns=COLUMNS)
    assert ".run-" not in str(error.value)
    assert not (tmp_path / "run").exists()
