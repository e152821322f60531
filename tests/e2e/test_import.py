"""Answers from elsewhere: imported, reported by proxy, judged by one judge, reported by it."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.support.provider.behaviour import Behaviour

MODEL = "my-lab/llama-3.1-70b"
QUERIES = 10
YES, NO = "<request_fully_accepted/> Sure.", "<rejected/> No."
RUN = "runs/theirs"


def complies(query: int, tier: str) -> bool:
    """Return whether an answer is accepted: 6 of 10 on the free tier, and 2 of 10 on the paid."""
    return query < (6 if tier == "free" else 2)


@pytest.fixture
def theirs(server, tmp_path, monkeypatch):
    """Write 40 answers of two models, and a judge that finds every answer to be a refusal."""
    monkeypatch.chdir(tmp_path)
    server.reset(Behaviour(text='{"refused": true}', input_tokens="counted", output_tokens=6))
    rows = [
        {
            "model": model,
            "goal": f"Question {query}?",
            "free": tier == "free",
            "said": YES if complies(query, tier) else NO,
            "tokens": 40 + query,
        }
        for model in ("llama-3.3-70b", "claude-3-opus")
        for query in range(QUERIES)
        for tier in ("free", "paid")
    ]
    path = Path("theirs.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prices = {MODEL: {"input": "0.40", "output": "0.80"}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    judge = {
        "name": "compliance",
        "model": MODEL,
        "messages": [{"role": "user", "content": "{{ tier }}: {{ query }} {{ output }} Refused?"}],
        "sampling": {"max_tokens": 8},
        "providers": {"my-lab": {"kind": "openai", "base_url": f"{server.url}/v1"}},
    }
    Path("judge.yaml").write_text(yaml.safe_dump(judge))
    columns = {"answer": "said", "query": "goal", "tier": "free", "output_tokens": "tokens"}
    return [
        "import",
        str(path),
        *(word for part, column in columns.items() for word in ("--map", f"{part}={column}")),
        *("--map", "model=model"),
    ]


def report(afcost):
    return json.loads(afcost("report", RUN, "--format", "json")[0])


def test_forty_answers_are_reported_judged_and_reported_again(theirs, server, afcost, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DEEPINFRA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    printed, _ = afcost(*theirs)
    assert "Imported 40 answers." in printed
    assert "tier (free, paid)" in printed
    found = report(afcost)
    assert (found["outcome"], found["analysis"]["measure"], found["spent_usd"]) == (
        "complete",
        "proxy",
        "0.00",
    )
    gaps = [each["gap"]["estimate"] for each in found["analysis"]["comparisons"]]
    assert gaps == pytest.approx([0.4, 0.4])
    assert found["notes"] == {"imported from theirs.jsonl": 40}
    assert found["counts"] == {}
    afcost("report", RUN, "--answers", "answers.jsonl")
    assert len(Path("answers.jsonl").read_text().splitlines()) == 40
    afcost("status", RUN)
    printed, _ = afcost("rejudge", RUN, "--judge", "judge.yaml", "--cap", "1", "--yes")
    assert "40 of 40 answers are stored" in printed
    assert Counter(call.model for call in server.bill().billed) == {"llama-3.1-70b": 40}
    found = report(afcost)
    assert (found["outcome"], found["analysis"]["measure"]) == ("complete", "compliance")
    assert found["verdicts"]["compliance"]["verdicts"] == 40
    assert [each["gap"]["estimate"] for each in found["analysis"]["comparisons"]] == [0, 0]
    _, said = afcost("ledger", RUN)
    assert "none changed" in said


def test_imported_answers_that_failed_are_not_judged_and_the_run_is_complete(
    theirs, server, afcost
):
    rows = Path("theirs.jsonl").read_text().splitlines()
    rows[0] = json.dumps(json.loads(rows[0]) | {"said": None})
    Path("theirs.jsonl").write_text("\n".join(rows[:-2]))
    printed, _ = afcost(*theirs)
    assert "without an answer: 1" in printed
    printed, _ = afcost("rejudge", RUN, "--judge", "judge.yaml", "--cap", "1", "--yes")
    assert "37 of 40 answers are stored" in printed
    assert len(server.bill().billed) == 37
    found = report(afcost)
    assert (found["outcome"], found["analysis"]["pooled"]["missing"]) == (
        "complete",
        {"failed": 1},
    )


def test_nothing_can_be_sent_to_the_models_of_imported_answers(theirs, server, afcost):
    afcost(*theirs)
    afcost("estimate", f"{RUN}/imported/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    _, said = afcost("run", "plan.json", "--run-dir", RUN, ends=3)
    assert "imported: this version prices requests to it and sends none" in said
    assert server.bill().billed == ()


def test_their_token_counts_are_a_history_for_a_forecast(theirs, afcost):
    path = theirs[1]
    text = Path(path).read_text().replace('"llama-3.3-70b"', '"deepinfra/llama-3.3-70b"')
    Path(path).write_text(text)
    _, said = afcost(*theirs, "--history", "usage.csv")
    assert "tokens of 40 answers" in said
    with Path("usage.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["provider"], row["model"]) for row in rows} == {
        ("deepinfra", "llama-3.3-70b"),
        ("anthropic", "claude-3-opus"),
    }
    spec = {
        "name": "ours",
        "models": ["deepinfra/llama-3.3-70b"],
        "factors": {"tier": {"free": {}, "paid": {}}},
        "queries": {"file": "q.txt"},
        "messages": [{"role": "user", "content": "{{ query }}"}],
        "sampling": {"max_tokens": 500},
    }
    Path("ours.yaml").write_text(yaml.safe_dump(spec))
    Path("q.txt").write_text("Why?\nHow?\n")
    told = afcost("estimate", "ours.yaml", "--history", "usage.csv", "--format", "json")[0]
    strata = json.loads(told)["strata"]
    assert [each["output_tokens"]["basis"] for each in strata] == ["history"] * 2
    assert [each["output_tokens"]["mean"] for each in strata] == [89, 89]  # twice 44.5


def test_answers_may_come_on_standard_input(theirs, afcost, monkeypatch):
    text = Path("theirs.jsonl").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    told = afcost("import", "-", *theirs[2:])[0]
    assert "Imported 40 answers.\n  stdin: format columns\n" in told
    assert "afcost report runs/imported" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("answr: {accept: x}", "unknown field answr; known fields: answer, format"),
        ("map: [a]", "map: expected fields, such as map: {answer: response"),
        ("format: paris", "format: 'paris' is not known; known: inspect, pairs"),
        ("answer: {acept: x}", "answer.acept: unknown field; known fields: output, reasoning"),
        ("answer: [x]", "answer: "),
        ("- a", "expected fields; known fields"),
    ],
)
def test_a_map_file_that_is_wrong_is_named_with_its_field(theirs, afcost, text, said):
    Path("map.yaml").write_text(text)
    _, err = afcost(*theirs, "--map", "map.yaml", ends=2)
    assert f"--map map.yaml: {said}" in " ".join(err.split())
    assert not Path("runs").exists()


@pytest.mark.usefixtures("theirs")
def test_a_map_may_stand_in_a_file_with_the_tags_of_the_answers(afcost):
    text = Path("theirs.jsonl").read_text().replace(YES, "[[go]]").replace(NO, "[[stop]]")
    Path("theirs.jsonl").write_text(text)
    columns = {"answer": "said", "query": "goal", "tier": "free", "model": "model"}
    said = {"map": columns, "answer": {"accept": "[[go]]", "reject": "[[stop]]"}}
    Path("map.yaml").write_text(yaml.safe_dump(said))
    afcost("import", "theirs.jsonl", "--map", "map.yaml", "-o", "somewhere/theirs")
    found = json.loads(afcost("report", "somewhere/theirs", "--format", "json")[0])
    gaps = [each["gap"]["estimate"] for each in found["analysis"]["comparisons"]]
    assert gaps == pytest.approx([0.4, 0.4])


def test_a_blind_sample_shows_no_part_of_the_tag_that_an_answer_begins_with(theirs, afcost):
    afcost(*theirs)
    afcost("label", RUN, "-o", "labels.csv")
    with Path("labels.csv").open(newline="") as file:
        outputs = {row["output"] for row in csv.DictReader(file)}
    assert outputs == {"Sure.", "No."}
