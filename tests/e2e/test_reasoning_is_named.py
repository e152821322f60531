"""Hidden reasoning is named wherever an experiment is estimated or reported."""

from __future__ import annotations

import json

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

CONFLICT = "conditions free/no-cot, paid/no-cot are not without reasoning"


def test_the_table_markdown_and_json_name_it(afcost):
    table, warned = afcost("estimate", "-m", "gpt-5", "--limit", "2")
    assert "openai/gpt-5 always reasons before it answers" in table
    assert CONFLICT in warned
    assert "max_tokens 4,096 would cut off about " in warned
    markdown, _ = afcost("estimate", "-m", "gpt-5", "--limit", "2", "--format", "md")
    for said in ("always reasons before it answers", CONFLICT, "would cut off about "):
        assert said in markdown.partition("\nNotes:\n\n- ")[2]
    estimate = json.loads(afcost("estimate", "-m", "gpt-5", "--limit", "2", "--format", "json")[0])
    assert any("always reasons" in text for text in estimate["assumptions"])
    assert any("hidden reasoning" in text for text in estimate["assumptions"])
    assert any(CONFLICT in text for text in estimate["warnings"])
    subject = estimate["strata"][0]["reasoning"]
    assert subject == {"on": True, "level": "medium", "budget": None, "asked": False}


def test_a_model_that_does_not_reason_is_warned_of_in_nothing(afcost):
    table, warned = afcost("estimate", "-m", "llama-3.1-70b", "--limit", "2")
    assert "reasons" not in table + warned
    assert "cut off" not in warned


@pytest.mark.parametrize("form", [(), ("--format", "md"), ("--format", "json")])
def test_the_report_says_which_conditions_reason_all_the_same(lab: Lab, server, form):
    server.reset(Behaviour(answer="by-tier", output_tokens=50))
    where = f'{{kind: openai, base_url: "{server.url}/v1", api_key_env: LAB_KEY}}'
    experiment = lab.init(lab=where)
    before, _, judge = experiment.read_text().partition("judges:\n")
    after = judge[judge.index("compare:") :].replace(", compliance: verdict", "")
    experiment.write_text(before + after)
    lab.prices(**{"lab__gpt-5": '{input: "0.50", output: "2.00", source: "the lab"}'})
    lab.plan("af/experiment.yaml", "-m", "lab/gpt-5", "--limit", "1", "--max-tokens", "400")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    lab.afcost("run", "plan.json", "--concurrency", "1")
    shown = lab.afcost("report", str(lab.run_folder()), *form).stdout
    assert f"lab/gpt-5: {CONFLICT}" in shown
