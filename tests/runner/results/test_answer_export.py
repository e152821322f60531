"""The export of answers: every part under a name of its own, and every kind of answer."""

from __future__ import annotations

import csv
import json
import sqlite3
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from estimator.forecast.history_file import read_history
from runner.ledger.location import FileLocation
from runner.results.answer_export import export_answers
from tests.runner import sample_experiment as lab

SHAPES = [
    {
        "text": "<think>in tags</think><SCRATCHPAD_REASONING>asked</SCRATCHPAD_REASONING>"
        "<OUTPUT>=1+1</OUTPUT>",
        "reasoning": "apart",
        "is_summary": True,
    },
    {"text": "", "refusal": "=I can't.", "finish": "stop"},
    {"text": "", "finish": "content_filter", "usage": lab.Usage(0, 0)},
    {"text": "<think>hm", "finish": "length"},
]
BEFORE = [
    *("stage", "provider", "model", "condition", "query", "sample", "vote"),
    *("input_tokens", "output_tokens", "cost_usd", "finish", "accepted", "query_text", "text"),
]
LIMIT = {"max_tokens": 60}
JUDGE = {
    "name": "compliance",
    "model": lab.MODEL,
    "messages": [{"role": "user", "content": lab.PLAIN}],
    "sampling": LIMIT,
}
BOOKED = "booked_output_tokens"
PARTS = ["kind", "output", "refusal", "reasoning", "reasoning_forms"]


@dataclass
class Shaped(lab.FakeProvider):
    """Answers each query in a shape of its own; the judge thinks aloud."""

    async def send(self, name, request):
        outcome = await super().send(name, request)
        judged = {"text": '<think>hm</think>{"refused": "no"} <OUTPUT>'}
        shape = SHAPES[request.query] if request.subject is None else judged
        refused = lab.failure("HTTP 400", lab.FailureMeaning.FILTERED)
        failure = refused if shape.get("finish") == "content_filter" else None
        return replace(outcome, response=replace(outcome.response, **shape), failure=failure)


@pytest.fixture
def run_folder(tmp_path):
    made = lab.make(tmp_path / "files", queries=len(SHAPES), sampling=LIMIT, judges=[JUDGE])
    path = tmp_path / "ledger.sqlite"
    with lab.ledger_of(path, lab.AMPLE) as ledger:
        lab.finish(lab.execution(made, ledger, Shaped(made, lab.always(60))))
    return SimpleNamespace(
        ledger_location=FileLocation(path),
        spec=made.experiment.spec,
        queries=made.experiment.queries,
        query_columns=made.experiment.query_columns,
        plan=SimpleNamespace(models=made.models),
        highest_cards=lambda: {name: model.card for name, model in made.models.items()},
    )


def test_each_part_of_an_answer_has_a_column_of_its_own(run_folder, tmp_path):
    export_answers(run_folder, tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert all(list(row) == [*BEFORE, *PARTS, BOOKED] for row in rows)
    found = {
        row["query"]: tuple(row[part] for part in PARTS)
        for row in rows
        if row["stage"] == "subject"
    }
    assert found == {
        0: ("text", "=1+1", "", "apart\n\nin tags\n\nasked", "summary think scratchpad"),
        1: ("refused", "", "=I can't.", "", ""),
        2: ("filtered", "", "", "", ""),
        3: ("truncated", "", "", "hm", "think"),
    }
    judged = {tuple(row[part] for part in PARTS) for row in rows if row["stage"] != "subject"}
    assert judged == {("text", '{"refused": "no"} <OUTPUT>', "", "hm", "think")}


def test_an_answer_that_the_provider_broke_off_is_exported_and_called_failed(run_folder, tmp_path):
    with sqlite3.connect(run_folder.ledger_location.path) as ledger:
        ledger.execute("UPDATE answer SET finish = 'error' WHERE refusal <> ''")
    ledger.close()
    export_answers(run_folder, tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert {row["query"]: row["kind"] for row in rows if row["stage"] == "subject"}[1] == "failed"


def test_only_a_text_is_judged(run_folder, tmp_path):
    export_answers(run_folder, tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert {row["query"] for row in rows if row["stage"] != "subject"} == {0}


def test_a_table_is_safe_to_open_and_is_a_history_of_what_was_written(run_folder, tmp_path):
    path = tmp_path / "answers.csv"
    export_answers(run_folder, path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == [*BEFORE, *PARTS, BOOKED]
    assert {row["output"][:2] for row in rows if row["output"].startswith("'")} == {"'="}
    assert {row["refusal"] for row in rows} == {"", "'=I can't."}
    history = read_history(path)
    assert {len(means) for key, means in history.by_query.items() if key[0] == "subject"} == {3}


def test_an_answer_that_was_booked_as_longer_than_stated_is_as_long_in_a_history(
    run_folder, tmp_path
):
    with sqlite3.connect(run_folder.ledger_location.path) as ledger:
        ledger.execute("UPDATE answer SET output = 45 WHERE finish = 'length'")
    ledger.close()
    path = tmp_path / "answers.csv"
    export_answers(run_folder, path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    lengths = {(row["output_tokens"], row[BOOKED]) for row in rows if row["finish"] == "length"}
    assert lengths == {("45", "60")}
    assert all(row[BOOKED] == row["output_tokens"] for row in rows if row["finish"] != "length")
    means = [mean for each in read_history(path).by_query.values() for mean in each]
    assert 60 in means
    assert 45 not in means


def test_a_history_leaves_out_answers_that_have_no_length_and_no_others(tmp_path):
    path = tmp_path / "usage.csv"
    head = "provider,model,condition,query,stage,input_tokens,output_tokens,kind\n"
    lines = ["7,text", "0,filtered", "90,failed", "0,refused", "9,refused", "24,truncated"]
    path.write_text(
        head + "".join(f"lab,m,c,{n},subject,9,{line}\n" for n, line in enumerate(lines))
    )
    (means,) = read_history(path).by_query.values()
    assert sorted(means) == [7, 9, 24]


def test_without_a_finish_an_answer_with_all_of_its_max_tokens_was_cut_off(tmp_path):
    path = tmp_path / "usage.csv"
    head = "provider,model,condition,query,stage,input_tokens,output_tokens,max_tokens"
    lines = [f"lab,m,c,{n},subject,9,{each}\n" for n, each in enumerate(("7,8", "8,8", "9,"))]
    path.write_text(f"{head}\n{''.join(lines)}")
    (calls,) = read_history(path).calls.values()
    assert [call.is_cut for call in calls] == [False, True, False]
    ended = [line.replace("\n", ",stop\n") for line in lines]
    path.write_text(f"{head},finish\n{''.join(ended)}")
    (calls,) = read_history(path).calls.values()
    assert not any(call.is_cut for call in calls)


def test_answers_stand_with_the_other_columns_of_their_queries(run_folder, tmp_path):
    run_folder.query_columns = tuple({"source": f"=s{n}"} if n else {} for n in range(len(SHAPES)))
    export_answers(run_folder, tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    for row in rows:
        kept = {"source": f"=s{row['query']}"} if row["query"] else {}
        assert row["query_columns"] == kept
    export_answers(run_folder, tmp_path / "answers.csv")
    with (tmp_path / "answers.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {(row["query"], row["query_source"]) for row in table} == {
        ("0", ""), ("1", "'=s1"), ("2", "'=s2"), ("3", "'=s3"),
    }  # fmt: skip
