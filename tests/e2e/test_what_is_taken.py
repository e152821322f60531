"""What a provider would refuse is never planned, and what is changed for it is said everywhere.

The records are made here, so that what the data says of a model has no part in it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from providers.apis.chat_completions import ChatCompletionsApi
from providers.capabilities import Capability, FieldRule

TAKEN, OWN, REFUSED = FieldRule(), FieldRule("own"), FieldRule("refused")
OPEN = Capability(
    reasons="never",
    prefill=True,
    fields={"temperature": TAKEN, "top_p": TAKEN, "stop": TAKEN, "logit_bias": TAKEN},
    sources=("a page",),
    sure="high",
)
CLAUDE_4 = replace(
    OPEN,
    reasons="on_request",
    asked_by="thinking_budget",
    budget=(1024, 32_000),
    fields={
        "temperature": FieldRule(low=0, high=1),
        "top_p": TAKEN,
        "stop": FieldRule(name="stop_sequences"),
    },
    while_reasoning={"temperature": OWN},
    exclusive=(("temperature", "top_p"),),
    prefill_space=False,
)
CLAUDE_5 = replace(CLAUDE_4, prefill=False, fields={**CLAUDE_4.fields, "temperature": OWN})
GPT_5_1 = replace(
    OPEN,
    reasons="on_request",
    asked_by="effort",
    levels=("low", "medium", "high"),
    prefill=False,
    fields={"temperature": TAKEN, "presence_penalty": REFUSED, "logit_bias": REFUSED},
    while_reasoning={"temperature": OWN},
    limit_field="max_completion_tokens",
)
RECORDS = {
    "claude-haiku-4-5": CLAUDE_4,
    "claude-opus-4-8": CLAUDE_5,
    "claude-sonnet-5": CLAUDE_5,
    "gpt-5.1": GPT_5_1,
    "o3-pro": replace(GPT_5_1, reasons="always", endpoint="batches-only"),
    "google/gemini-3.5-flash": replace(OPEN, prefill=False),
}


@pytest.fixture(autouse=True)
def _own_records(monkeypatch):
    """Let models take what this module says, whatever the data says."""
    monkeypatch.setattr(
        "estimator.workload.planned_model.find_capability",
        lambda _provider, model_id: RECORDS.get(model_id, OPEN),
    )


@pytest.fixture
def estimate(tmp_path, afcost):
    """Write an experiment and estimate it; give the JSON and what was said."""

    def run(*models: str, ends: int = 0, **changes) -> tuple[dict, str]:
        fields = {
            "name": "t",
            "models": list(models),
            "queries": {"file": "q.txt"},
            "messages": [{"role": "user", "content": "{{ query }}"}],
            "sampling": {"max_tokens": 2000},
        }
        (tmp_path / "q.txt").write_text("One?\nTwo?\n")
        (tmp_path / "e.yaml").write_text(yaml.safe_dump(fields | changes, sort_keys=False))
        price = [f"--price={name}=1/2" for name in models if name.startswith("vllm/")]
        out, said = afcost("estimate", "e.yaml", "--format", "json", *price, ends=ends)
        return (json.loads(out) if out else {}), said

    return run


def sent(estimate: dict, stage: str = "subject") -> list[dict]:
    return [each for each in estimate["requests_sent"] if each["stage"] == stage]


def test_a_temperature_is_left_out_and_that_is_said_in_every_form(estimate, afcost):
    sampling = {"max_tokens": 2000, "temperature": 1.0}
    done, _ = estimate("anthropic/claude-opus-4-8", sampling=sampling)
    (use,) = sent(done)
    assert use["fields"] == {"max_tokens": 2000}
    (change,) = use["changes"]
    said = "temperature is left out: the model sets its own"
    assert change == f"{said} (source: a page; certainty: high)"
    assert any(said in each for each in done["assumptions"])
    table, _ = afcost("estimate", "e.yaml")
    assert f"sent: anthropic/claude-opus-4.8: {said}" in table
    markdown, _ = afcost("estimate", "e.yaml", "--format", "md")
    assert f"- anthropic/claude-opus-4.8: {said}" in markdown
    assert "left out" not in afcost("estimate", "e.yaml", "--format", "csv")[0]


def test_models_with_the_same_change_are_listed_together_whatever_their_sources(
    estimate, afcost, monkeypatch
):
    monkeypatch.setitem(RECORDS, "claude-opus-4-8", replace(CLAUDE_5, sources=("another page",)))
    models = ("anthropic/claude-opus-4-8", "anthropic/claude-sonnet-5")
    estimate(*models, sampling={"max_tokens": 2000, "temperature": 1.0})
    table, _ = afcost("estimate", "e.yaml")
    (line,) = (line for line in table.splitlines() if line.startswith("sent: "))
    names = "anthropic/claude-opus-4.8, anthropic/claude-sonnet-5"
    assert line == f"sent: {names}: temperature is left out: the model sets its own"


def test_a_judge_is_checked_like_a_subject(estimate):
    judge = {
        "name": "j",
        "model": "anthropic/claude-sonnet-5",
        "messages": [{"role": "user", "content": "Read: {{ output }}"}],
        "sampling": {"max_tokens": 99, "temperature": 0},
    }
    done, _ = estimate("anthropic/claude-haiku-4-5", judges=[judge])
    (use,) = sent(done, "j")
    assert use["fields"] == {"max_tokens": 99}
    assert "temperature is left out" in use["changes"][0]
    bad = judge | {"sampling": {"max_tokens": 99, "logit_bias": {"1": 1}}}
    _, said = estimate("anthropic/claude-haiku-4-5", judges=[bad], ends=3)
    assert "anthropic/claude-sonnet-5 (sampling of j): logit_bias: it is not known" in said


def test_stop_has_the_name_that_it_has_there(estimate):
    sampling = {"max_tokens": 2000, "stop": ["END"]}
    done, _ = estimate("anthropic/claude-haiku-4-5", "deepinfra/llama-3.1-8b", sampling=sampling)
    claude, llama = sent(done)
    assert claude["fields"] == {"max_tokens": 2000, "stop_sequences": ["END"]}
    assert claude["changes"] == ["stop is sent as stop_sequences"]
    assert (llama["fields"], llama["changes"]) == (sampling, [])


def test_every_problem_of_every_model_is_told_at_once(estimate):
    sampling = {"max_tokens": 2000, "presence_penalty": 1, "logit_bias": {"1": 1}}
    _, said = estimate("openai/gpt-5.1", "anthropic/claude-haiku-4-5", sampling=sampling, ends=3)
    for model in ("openai/gpt-5.1", "anthropic/claude-haiku-4.5"):
        for field in ("presence_penalty", "logit_bias"):
            assert f"{model} (sampling of subject): {field}: " in said
    assert said.count("source: a page") == 4


def test_a_temperature_is_sent_where_reasoning_is_off(estimate):
    sampling = {"max_tokens": 2000, "temperature": 0}
    (plain,) = sent(estimate("openai/gpt-5.1", sampling=sampling)[0])
    assert plain["fields"] == {"max_completion_tokens": 2000, "temperature": 0}
    off = sampling | {"reasoning_effort": "none"}
    (native,) = sent(estimate("openai/gpt-5.1", sampling=off)[0])
    assert native["fields"]["temperature"] == 0
    assert native["fields"]["reasoning_effort"] == "none"
    high = sampling | {"reasoning": "high"}
    (reasoning,) = sent(estimate("openai/gpt-5.1", sampling=high)[0])
    assert reasoning["fields"] == {"max_completion_tokens": 2000, "reasoning_effort": "high"}
    assert "with `reasoning: off` it would be sent" in reasoning["changes"][0]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"temperature": 1, "top_p": 0.9}, "temperature and top_p cannot be sent together"),
        ({"temperature": 2}, "temperature: 2 is not between 0 and 1"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "not less than max_tokens"),
        ({"reasoning": {"max_tokens": 2000}}, "not less than max_tokens"),
        ({"reasoning": "high"}, "reasoning: high"),
        ({"search_depth": 1}, "search_depth"),
        ({"my_option": 1}, "write `extra: {my_option: …}`"),
    ],
)
def test_what_claude_refuses_is_refused_when_it_is_planned(estimate, tmp_path, fields, why):
    sampling = {"max_tokens": 2000, **fields}
    code = 1 if "search_depth" in fields else 3
    _, said = estimate("anthropic/claude-haiku-4-5", sampling=sampling, ends=code)
    assert why in said
    assert not (tmp_path / "plan.json").exists()


def prefilled(text: str) -> dict:
    user = {"role": "user", "content": "{{ query }}"}
    return {"messages": [user, {"role": "assistant", "content": text}]}


@pytest.mark.parametrize("text", ["<\n", "< ", "{{ query }}{% if 'Two' in query %} {% endif %}"])
def test_white_space_at_the_end_of_a_prefill_is_found_in_every_request(estimate, text):
    _, said = estimate("anthropic/claude-haiku-4-5", **prefilled(text), ends=3)
    assert "the prefill ends with white space" in said
    assert "`|-`" in said
    estimate("deepinfra/llama-3.1-8b", **prefilled(text))


def test_thinking_leaves_a_prefill_out_and_says_so(estimate):
    sampling = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1500}}
    done, _ = estimate("anthropic/claude-haiku-4-5", **prefilled("<"), sampling=sampling)
    assert (
        "no prefill is sent: the model takes none while it reasons" in sent(done)[0]["changes"][0]
    )
    done, _ = estimate("anthropic/claude-haiku-4-5", **prefilled("<"))
    assert (sent(done)[0]["changes"], sent(done)[0]["prefill"]) == ([], True)
    said = "anthropic/claude-haiku-4.5: it continues from the prefill, counted as an open turn"
    assert said in done["assumptions"]


def test_a_model_that_takes_no_prefill_is_planned_as_without_one(estimate):
    name = "openrouter/google/gemini-3.5-flash"
    with_one, _ = estimate(name, **prefilled("<"))
    without, _ = estimate(name)
    assert "no prefill is sent" in sent(with_one)[0]["changes"][0]
    assert with_one["total"] == without["total"]


def test_an_empty_prefill_of_a_level_is_none(estimate):
    levels = {"how": {"led": {"start": "<"}, "free": {"start": ""}}}
    vllm, name = {"vllm": {"base_url": "http://localhost:1/v1"}}, "vllm/llama-3.1-8b"
    done, _ = estimate(name, **prefilled("{{ start }}"), factors=levels, providers=vllm)
    led, free = sent(done)
    assert (led["conditions"], led["prefill"]) == (["led"], True)
    assert (free["conditions"], free["prefill"], free["changes"]) == (["free"], False, [])


def test_conditions_that_send_the_same_are_told_once(estimate):
    levels = {str(number): {"n": number} for number in range(6)}
    sampling = {"max_tokens": 2000, "temperature": 1}
    done, _ = estimate("anthropic/claude-opus-4-8", factors={"f": levels}, sampling=sampling)
    (use,) = sent(done)
    assert use["conditions"] == list(levels)
    assert sum("temperature is left out" in each for each in done["assumptions"]) == 1


def test_a_prompt_of_the_systems_alone_is_refused_where_it_leaves_no_turn(estimate):
    alone = [{"role": "system", "content": "{{ query }}"}]
    judges = [{"name": "j", "model": "anthropic/claude-haiku-4-5", "messages": alone}]
    judges[0]["sampling"] = {"max_tokens": 100}
    models = "anthropic/claude-opus-4-8", "google/gemini-2.5-flash", "openai/gpt-4o"
    _, said = estimate(*models, messages=alone, judges=judges, ends=3)
    assert "anthropic/claude-opus-4.8 (subject): its messages are all the system's" in said
    assert "google/gemini-2.5-flash (subject): its messages are all the system's" in said
    assert "anthropic/claude-haiku-4.5 (j): its messages are all the system's" in said
    assert "gpt-4o" not in said


def test_an_api_that_is_not_spoken_at_a_provider_is_refused(estimate):
    _, said = estimate("openai/o3-pro", ends=3)
    assert "openai/o3-pro (subject): it is served by the batches-only API only" in said


def test_a_model_that_answers_no_chats_is_refused(estimate, monkeypatch):
    monkeypatch.setitem(RECORDS, "gpt-5.1", replace(GPT_5_1, endpoint="none"))
    _, said = estimate("openai/gpt-5.1", ends=3)
    assert "openai/gpt-5.1 (subject): it does not answer chats there" in said


def test_reasoning_that_no_limit_bounds_is_a_warning_unless_it_is_off(estimate, monkeypatch):
    known = replace(GPT_5_1, reasons="default", stops=True, limit_bounds_reasoning=False)
    monkeypatch.setitem(RECORDS, "gpt-5.1", known)
    done, _ = estimate("openai/gpt-5.1")
    (warning,) = [each for each in done["warnings"] if "max_tokens does not limit" in each]
    assert "openai/gpt-5.1" in warning
    off = {"max_tokens": 2000, "reasoning_effort": "none"}
    done, _ = estimate("openai/gpt-5.1", sampling=off)
    assert not any("max_tokens does not limit" in each for each in done["warnings"])


def test_a_plan_sends_what_was_approved_whatever_is_known_later(
    tmp_path, server, afcost, monkeypatch
):
    """A new record would send a temperature, refuse the level and drop the prefill."""
    known = replace(GPT_5_1, prefill=True, prefill_while_reasoning=True)
    monkeypatch.setitem(RECORDS, "m", known)
    fields = {
        "name": "t",
        "models": ["lab/m"],
        "queries": {"file": "q.txt"},
        **prefilled("<"),
        "sampling": {"max_tokens": 50, "temperature": 0, "reasoning": "low"},
        "providers": {"lab": {"kind": "openai", "base_url": f"{server.url}/v1"}},
    }
    (tmp_path / "q.txt").write_text("One?\n")
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(fields))
    afcost("estimate", "e.yaml", "--price", "lab/m=1/2", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes", "--accept-price", "lab/m")
    new = replace(OPEN, reasons="never", prefill=False, endpoint="messages")
    monkeypatch.setitem(RECORDS, "m", new)
    monkeypatch.setattr("runner.transport.routes.find_capability", lambda *_: new)
    bodies, build = [], ChatCompletionsApi.write_body

    def build_and_note(*arguments, **named):
        bodies.append(build(*arguments, **named))
        return bodies[-1]

    monkeypatch.setattr(ChatCompletionsApi, "write_body", build_and_note)
    afcost("run", "plan.json")
    (body,) = bodies
    assert body["reasoning_effort"] == "low"
    assert body["max_completion_tokens"] == 50
    assert "temperature" not in body
    assert body["messages"][-1] == {"role": "assistant", "content": "<"}
