"""The other columns of queries: kept as they stand, in templates, filters and exports."""

from __future__ import annotations

import csv
import json
from datetime import date

import pytest

from afcost import cli
from estimator.plan import estimate_experiment
from experiment.definition import Overrides, QueryColumns, QueryFile, load_experiment
from experiment.definition.queries import read_query_table
from experiment.errors import BadExperiment, BadQueries, BadTemplate
from experiment.prompts import RequestBuilder
from experiment.scoring import Completion

CSV = "goal,source,level\nsteal,advbench,3\nlie,ours,\nhide,advbench,1\n"
JSONL = (
    '{"goal": "steal", "source": "advbench", "level": 3}\n'
    '{"goal": "lie", "source": "ours", "level": null}\n'
    '{"goal": "hide", "source": "advbench", "tags": ["a"], "level": 1}\n'
)
EXPERIMENT = """\
name: rows
models: [gpt-4o]
queries: {file: queries.csv, column: goal%s}
messages: [{role: user, content: "%s"}]
sampling: {max_tokens: 10}
judges:
  - name: right
    model: openai/gpt-4o-mini
    messages: [{role: user, content: "%s"}]
    sampling: {max_tokens: 10}
"""


@pytest.fixture
def table(tmp_path):
    def read(content: str, suffix: str, **fields):
        (tmp_path / f"queries.{suffix}").write_text(content)
        return read_query_table(tmp_path, QueryFile(file=f"queries.{suffix}", **fields))

    return read


@pytest.fixture
def load(tmp_path):
    def load(ask="{{ query }}", judge="Right? {{ output }}", rows=CSV, where="", **overrides):
        (tmp_path / "queries.csv").write_text(rows)
        path = tmp_path / "experiment.yaml"
        path.write_text(EXPERIMENT % (where, ask, judge))
        return load_experiment(str(path), Overrides(**overrides))

    return load


def build(experiment) -> RequestBuilder:
    return RequestBuilder(experiment, lambda *_: True)


def prompts(experiment) -> list[str]:
    return [each.messages[0].content for each in build(experiment).all_subject_requests()]


def verdicts(experiment) -> list[str]:
    requests = build(experiment)
    return [
        vote.id
        for subject in requests.all_subject_requests()
        for vote in requests.build_judge_requests(
            subject, requests.read_subject_answer(subject, Completion("Yes."))
        )
    ]


def test_each_query_keeps_the_other_columns_of_its_row(table):
    assert table(CSV, "csv", column="goal").columns == (
        {"source": "advbench", "level": "3"},
        {"source": "ours", "level": ""},
        {"source": "advbench", "level": "1"},
    )
    assert table(JSONL, "jsonl", column="goal").columns == (
        {"source": "advbench", "level": 3},
        {"source": "ours"},
        {"source": "advbench", "tags": ["a"], "level": 1},
    )
    assert table("one\ntwo\n", "txt").columns == ()
    assert table("goal\none\n", "csv").columns == ()


def test_only_the_columns_that_are_named_are_kept(table):
    kept = table(CSV, "csv", column="goal", columns=("source",)).columns
    assert kept[0] == {"source": "advbench"}
    assert table(CSV, "csv", column="goal", columns=()).columns == ()
    with pytest.raises(BadQueries, match="no column 'sauce'; columns: goal, source, level"):
        table(CSV, "csv", column="goal", columns=("sauce",), limit=1)


@pytest.mark.parametrize(("content", "suffix"), [(CSV, "csv"), (JSONL, "jsonl")])
@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({"source": "advbench"}, ("steal", "hide")),
        ({"source": ["ours", "advbench"]}, ("steal", "lie", "hide")),
        ({"source": "advbench", "level": 1}, ("hide",)),
        ({"level": [1, "3"]}, ("steal", "hide")),
        ({"level": None}, ("lie",)),
        ({"goal": "lie"}, ("lie",)),
    ],
)
def test_a_filter_asks_only_the_rows_that_have_its_values(table, content, suffix, where, texts):
    assert table(content, suffix, column="goal", where=where).texts == texts
    assert table(content, suffix, column="goal", where=where, limit=1).texts == texts[:1]


def test_a_filter_reads_booleans_as_csv_and_json_write_them(table):
    for content, suffix in (
        ("goal,ok\na,True\nb,FALSE\n", "csv"),
        ('{"goal":"a","ok":true}', "jsonl"),
    ):
        assert table(content, suffix, column="goal", where={"ok": True}).texts == ("a",)


def test_rows_that_are_not_asked_need_no_text(table):
    rows = "goal,source\n,bad\none,good\n"
    assert table(rows, "csv", column="goal", where={"source": "good"}).texts == ("one",)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"source": "advbenhc"}, "no query has source advbenhc; values there: advbench, ours"),
        ({"sauce": "ours"}, "no column 'sauce'; columns: goal, source, level"),
        ({"source": "ours", "level": 3}, "no query has these values of source and level together"),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_there_is(table, where, said):
    for content, suffix in ((CSV, "csv"), (JSONL, "jsonl")):
        with pytest.raises(BadQueries, match=said):
            table(content, suffix, column="goal", where=where)


def test_a_file_without_columns_cannot_be_filtered(table):
    with pytest.raises(BadQueries, match="has no columns, so 'source' cannot be chosen"):
        table("one\n", "txt", where={"source": "ours"})
    with pytest.raises(BadQueries, match="has no columns, so 'source' cannot be chosen"):
        table('"one"\n', "jsonl", columns=("source",))


def test_a_filter_of_a_wrong_form_is_an_error_at_its_line(load):
    with pytest.raises(BadExperiment, match=r"line 3: queries\.where\.source: expected a value"):
        load(where=", where: {source: {a: b}}")


def test_a_template_uses_the_columns_of_the_row(load):
    assert prompts(load("{{ query }} ({{ row.source }}, {{ row['level'] }}, {{ row.goal }})")) == [
        "steal (advbench, 3, steal)", "lie (ours, , lie)", "hide (advbench, 1, hide)",
    ]  # fmt: skip


def test_a_column_that_there_is_not_is_an_error_that_lists_those_there_are(load):
    with pytest.raises(BadTemplate, match=r"row\.goal, row\.level, row\.source"):
        prompts(load("{{ row.sauce }}"))


def test_a_level_s_own_variable_of_that_name_comes_first(tmp_path, made):
    factors = {"tier": {"free": {"row": "mine"}}}
    messages = [{"role": "user", "content": "{{ query }} {{ row }}"}]
    requests = made(tmp_path, factors=factors, messages=messages)
    assert [each.messages[0].content for each in requests.all_subject_requests()] == [
        "one mine", "two mine",
    ]  # fmt: skip


def test_a_column_that_no_template_uses_changes_no_request(load):
    asked = [r.id for r in build(load()).all_subject_requests()]
    judged = verdicts(load())
    for rows in ("goal\nsteal\nlie\nhide\n", CSV.replace("advbench", "other")):
        assert [r.id for r in build(load(rows=rows)).all_subject_requests()] == asked
        assert verdicts(load(rows=rows)) == judged


@pytest.mark.parametrize(
    "judge", ["{{ output }} {{ row.level }}", "{{ output }} {% set r = row %}{{ r.level }}"]
)
def test_a_judge_is_asked_again_where_a_column_that_it_reads_changed(load, judge):
    before = verdicts(load(judge=judge))
    after = verdicts(load(judge=judge, rows=CSV.replace("steal,advbench,3", "steal,advbench,4")))
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True]
    other = verdicts(load(judge=judge, rows=CSV.replace("lie,ours", "lie,others")))
    assert (other == before) is ("set" not in judge)


def test_a_count_is_made_again_where_a_column_of_a_prompt_changed(load, tmp_path):
    def tokens(rows: str) -> int:
        load("{{ row.source }}", rows=rows)
        plan = estimate_experiment(str(tmp_path / "experiment.yaml"), date(2026, 11, 21)).plan
        return plan.strata[0].input_tokens

    assert tokens(CSV.replace("ours", "ours " * 50)) > tokens(CSV)


def test_requests_are_exported_with_the_columns_of_their_queries(load, tmp_path, monkeypatch):
    load(rows=CSV.replace("ours", "=1+1"))
    monkeypatch.chdir(tmp_path)
    for name in ("requests.csv", "requests.jsonl"):
        assert cli.run_cli(["estimate", "experiment.yaml", "--requests", name]) == 0
    with (tmp_path / "requests.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [(r["query"], r["query_source"], r["query_level"]) for r in rows[::2]]
    assert cells == [("0", "advbench", "3"), ("1", "'=1+1", ""), ("2", "advbench", "1")]
    lines = (tmp_path / "requests.jsonl").read_text().splitlines()
    assert json.loads(lines[2])["query_columns"] == {"source": "=1+1", "level": ""}


def test_a_column_of_an_export_s_own_name_keeps_apart():
    columns = QueryColumns([{"text": "a", "n": [1]}, {"n": None}])
    assert columns.names == ("query_column_text", "query_n")
    assert columns.cells(0) == {"query_column_text": "a", "query_n": "[1]"}
    assert columns.cells(1) == {"query_column_text": None, "query_n": None}
    taken = QueryColumns([{"text": "a", "column_text": "b", "columns": 1, "column_columns": 2}])
    assert list(taken.cells(0).values()) == ["a", "b", 1, 2]
    assert len({*taken.names, "query_text", "query_columns"}) == 6, "none is lost"
    assert QueryColumns().cells(5) == QueryColumns().fields(5) == {}
