"""Sampling of each model and level: estimated, shown, reserved and billed as it is written."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import defaultdict
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

SWEEP = """\
name: sweep
models:
  - gpt-4o
  - name: claude-haiku-4.5
    sampling: {max_tokens: 6000, temperature: null, top_p: null, reasoning: {max_tokens: 4000}}
  - name: gpt-5
    sampling: {max_tokens: 8000, temperature: null, reasoning: low}
factors:
  heat:
    cold: {sampling: {temperature: 0}}
    hot: {sampling: {temperature: 1}}
queries: {file: queries.txt}
messages:
  - {role: system, content: "You are terse."}
  - {role: user, content: "{{ query }}"}
sampling: {temperature: 1, max_tokens: 600}
judges:
  - name: grade
    model: openai/gpt-4o-mini
    messages:
      - role: user
        content: "{{ query }} {% if reasoning %}{{ reasoning }} {% endif %}{{ output }}"
    sampling: {temperature: 0, max_tokens: 5}
"""
LEVELS = """\
name: levels
models: [lab/model, {name: lab/other, sampling: {max_tokens: 30}}]
factors:
  room:
    small: {sampling: {max_tokens: 10}}
    large: {}
queries: {file: queries.txt}
messages: [{role: user, content: "{{ query }}"}]
sampling: {max_tokens: 50}
judges:
  - name: grade
    model: lab/judge
    messages: [{role: user, content: "Grade: {{ output }}"}]
    sampling: {max_tokens: 5}
providers: {lab: {kind: openai, base_url: "%s/v1", api_key_env: LAB_KEY}}
"""
IN, OUT = Decimal("0.50"), Decimal("2.00")


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "queries.txt").write_text("What is a mole?\nWhy is the sky blue?\n")
    (tmp_path / "experiment.yaml").write_text(SWEEP)
    return Lab(tmp_path)


@pytest.fixture
def levels(lab, server):
    server.reset(Behaviour(output_tokens=(45, 45)))
    (lab.folder / "experiment.yaml").write_text(LEVELS % server.url)
    price = f'{{input: "{IN}", output: "{OUT}", source: "the lab"}}'
    lab.prices(lab__model=price, lab__other=price, lab__judge=price)
    return lab


def rows(lab, *options: str) -> list[dict]:
    """Return the requests that an estimate writes."""
    lab.afcost("estimate", "experiment.yaml", "--requests", "requests.jsonl", *options)
    text = (lab.folder / "requests.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_thinking_a_level_and_a_sweep_stand_in_one_plan(lab):
    estimate = lab.plan("experiment.yaml")
    assert estimate["total"]["requests"] == 2 * 3 * 2 * 2
    found = rows(lab, "--texts")
    limits = {"gpt-4o": 600, "claude-haiku-4.5": 6000, "gpt-5": 8000}
    for row in found:
        if row["stage"] == "subject":
            written = next(name for name in limits if row["model"].endswith(name))
            assert row["max_tokens"] == row["sampling"]["max_tokens"] == limits[written]
            assert row["sampling"]["temperature"] == (0 if row["condition"] == "cold" else 1)
            reasoning = {"claude-haiku-4.5": {"max_tokens": 4000}, "gpt-5": "low"}.get(written)
            assert row["sampling"].get("reasoning") == reasoning
        else:
            assert row["sampling"] == {"temperature": 0, "max_tokens": 5}
    ceilings = sum(Decimal(row["cost_ceiling_usd"]) for row in found)
    assert ceilings == Decimal(estimate["total"]["cost_usd"]["ceiling"])


def test_texts_are_the_messages_as_sent_with_a_placeholder_for_what_is_not_known(lab):
    for row in rows(lab, "--texts"):
        query = ["What is a mole?", "Why is the sky blue?"][row["query"]]
        if row["stage"] == "subject":
            assert row["messages"] == [
                {"role": "system", "content": "You are terse."},
                {"role": "user", "content": query},
            ]
        else:
            assert row["messages"] == [{"role": "user", "content": f"{query} [reasoning] [output]"}]


def test_texts_show_the_fields_that_are_sent_beside_those_that_are_written(lab):
    sent = {row["model"].rpartition("/")[2]: row["fields"] for row in rows(lab, "--texts")}
    assert sent["gpt-4o"] == {"max_completion_tokens": 600, "temperature": 1}
    assert sent["claude-haiku-4.5"] == {
        "max_tokens": 6000,
        "thinking": {"type": "enabled", "budget_tokens": 4000},
    }
    assert sent["gpt-5"] == {"max_completion_tokens": 8000, "reasoning_effort": "low"}


def test_a_sweep_that_changes_nothing_for_a_model_is_said(lab):
    warned = lab.plan("experiment.yaml")["warnings"]
    (idle,) = (text for text in warned if "send the same requests" in text)
    assert idle.startswith(
        "anthropic/claude-haiku-4.5, openai/gpt-5: levels cold, hot of heat send the same requests"
    )


def test_texts_change_no_count_and_no_id(lab):
    plain = rows(lab)
    assert "messages" not in plain[0]
    for row, other in zip(rows(lab, "--texts"), plain, strict=True):
        assert row | other == row


def test_texts_in_csv_are_json(lab):
    lab.afcost("estimate", "experiment.yaml", "--requests", "requests.csv", "--texts")
    with (lab.folder / "requests.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert json.loads(first["messages"])[0] == {"role": "system", "content": "You are terse."}
    assert json.loads(first["sampling"])["max_tokens"] == int(first["max_tokens"])


def test_texts_show_a_prefill_only_where_it_is_sent(lab):
    turn = '  - {role: assistant, content: "<a"}\n'
    text = SWEEP.replace("sampling: {temperature: 1,", f"{turn}sampling: {{temperature: 1,")
    own = 'providers: {lab: {kind: openai, base_url: "http://localhost:8000/v1"}}\n'
    lab.prices(lab__llama='{input: "1", output: "2", source: "the lab"}')
    (lab.folder / "experiment.yaml").write_text(text.replace("- gpt-4o\n", "- lab/llama\n") + own)
    for row in rows(lab, "--texts"):
        if row["stage"] == "subject" and row["provider"] in ("lab", "openai"):
            prefill = [each["role"] for each in row["messages"][2:]]
            assert prefill == ["assistant"] * (row["provider"] == "lab")


def test_texts_without_a_file_are_refused(lab):
    done = lab.afcost("estimate", "experiment.yaml", "--texts", ends=2)
    assert "--texts needs a file to write to: add --requests FILE.jsonl" in done.stderr


def test_another_provider_keeps_the_sampling_of_each_model(lab):
    found = rows(lab, "--texts", "--provider", "openrouter")
    asked = {json.dumps(row["sampling"].get("reasoning")) for row in found}
    assert asked == {"null", '"low"', '{"max_tokens": 4000}'}
    assert {row["provider"] for row in found if row["stage"] == "subject"} == {"openrouter"}
    lab.afcost("estimate", "experiment.yaml", "--provider", "openrouter", "-o", "plan.json")
    lab.afcost("approve", "plan.json", "--cap", "5", "--yes")


def test_prices_that_differ_between_conditions_are_refused_with_both_places(lab):
    path = lab.folder / "experiment.yaml"
    path.write_text(SWEEP.replace("hot: {sampling: {", "hot: {sampling: {service_tier: flex, "))
    done = lab.afcost("estimate", "experiment.yaml", ends=1)
    assert "(subject, condition cold)" in done.stderr
    assert "{'service_tier': 'flex'} (subject, condition hot)" in done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [("{max_tokens: 10}", "{max_tokens: 20}"), ("{max_tokens: 30}", "{max_tokens: 40}")],
)
def test_a_changed_limit_of_a_level_or_a_model_is_counted_again(old, new, levels):
    path = levels.folder / "experiment.yaml"
    before = levels.plan("experiment.yaml")["total"]["cost_usd"]["ceiling"]
    path.write_text(path.read_text().replace(old, new))
    after = levels.plan("experiment.yaml")["total"]["cost_usd"]["ceiling"]
    assert Decimal(after) > Decimal(before)


def test_max_tokens_of_the_command_line_is_that_of_every_subject(levels):
    found = rows(levels, "--max-tokens", "7")
    assert {row["max_tokens"] for row in found if row["stage"] == "subject"} == {7}
    assert {row["max_tokens"] for row in found if row["stage"] == "grade"} == {5}


def test_ceilings_reservations_and_bills_follow_the_limit_of_each_level(levels, server):
    limits = {
        ("model", "small"): 10, ("model", "large"): 50,
        ("other", "small"): 10, ("other", "large"): 30,
    }  # fmt: skip
    estimate = levels.plan("experiment.yaml")
    found = rows(levels)
    ceilings = defaultdict(Decimal)
    reservable = {}
    for row in found:
        model = row["model"].removeprefix("lab/")
        limit = 5 if row["stage"] == "grade" else limits[model, row["condition"]]
        assert row["max_tokens"] == limit
        ceilings[row["stage"], model, row["condition"]] += Decimal(row["cost_ceiling_usd"])
        if row["stage"] == "subject":
            reservable[row["id"]] = Decimal(row["cost_ceiling_usd"])
    for stratum in estimate["strata"]:
        key = stratum["stage"], stratum["model"].removeprefix("lab/"), stratum["condition"]
        assert Decimal(stratum["cost_usd"]["ceiling"]) == ceilings[key]
    # A judge's prompt may hold a whole answer, so its ceiling follows the subject's limit.
    assert ceilings["grade", "judge", "small"] < ceilings["grade", "judge", "large"]

    levels.afcost("approve", "plan.json", "--cap", "1", "--yes")
    levels.afcost("run", "plan.json")
    connection = sqlite3.connect(levels.run_folder() / "ledger.sqlite")
    entries = connection.execute(
        "SELECT attempt.request, MAX(entry.reserved) FROM entry "
        "JOIN attempt ON attempt.id = entry.attempt "
        "WHERE attempt.stage = 'subject' GROUP BY attempt.request"
    ).fetchall()
    connection.close()
    assert {request: Decimal(pico) / 10**12 for request, pico in entries} == reservable
    for answer in levels.answers():
        if answer["stage"] == "subject":
            limit = limits[answer["written"].removeprefix("lab/"), answer["condition"]]
            assert answer["output"] == min(45, limit)
    assert levels.report()["outcome"] == "complete"
    levels.afcost("run", "plan.json")
    assert len(server.bill().calls) == 16
