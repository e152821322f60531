"""What is sent for the fields of an experiment: translated, renamed, left out, or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.capabilities import (
    FieldRule,
    build_sent_fields,
    capability_from_json,
    reasoning,
)
from providers.errors import NotTaken
from tests.providers.capabilities.sample_records import (
    ADAPTIVE,
    ALWAYS,
    DEFAULT,
    NEVER,
    ON_REQUEST,
    SWITCH,
    TAKEN,
    UNKNOWN,
    WAYS,
    record,
)


@pytest.fixture(autouse=True)
def _own_ways(monkeypatch):
    monkeypatch.setattr(reasoning, "load_ways", lambda: WAYS)


OWN, IGNORED, REFUSED = (FieldRule(taken=each) for each in ("own", "ignored", "refused"))


def send(capability, *, prefill="", max_tokens=4096, **sampling):
    """Return what is sent besides the limit, and the changes."""
    sent = build_sent_fields(capability, {"max_tokens": max_tokens} | sampling, prefill=prefill)
    limit = sent.fields.pop(capability.limit_field)
    assert limit == max_tokens
    return sent.fields, sent.changes


def refusal(capability, **sampling) -> str:
    with pytest.raises(NotTaken) as error:
        send(capability, **sampling)
    return str(error.value)


def thinking(tokens: int) -> dict:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


# Reasoning


@pytest.mark.parametrize(
    ("capability", "reasoning", "fields"),
    [
        (ALWAYS, "high", {"reasoning_effort": "high"}),
        (ALWAYS, {"effort": "low"}, {"reasoning_effort": "low"}),
        (ALWAYS, "on", {"reasoning_effort": "medium"}),
        (DEFAULT, "off", {"reasoning_effort": "none"}),
        (DEFAULT, False, {"reasoning_effort": "none"}),
        (
            ON_REQUEST,
            {"max_tokens": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        (ON_REQUEST, "low", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (ON_REQUEST, "medium", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (ON_REQUEST, "off", {}),
        (
            ADAPTIVE,
            "max",
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "max"},
            },
        ),
        (ADAPTIVE, "off", {"thinking": {"type": "disabled"}}),
        (SWITCH, "on", {"chat_template_kwargs": {"enable_thinking": True}}),
        (SWITCH, "off", {"chat_template_kwargs": {"enable_thinking": False}}),
        (NEVER, "off", {}),
        (UNKNOWN, "off", {}),
    ],
)
def test_portable_reasoning_is_sent_in_the_models_way_and_said(capability, reasoning, fields):
    sent, changes = send(capability, reasoning=reasoning)
    assert sent == fields
    (change,) = changes
    assert change.startswith("reasoning ")
    assert ("is sent as" in change) == bool(fields)


@pytest.mark.parametrize(
    "form", [{"effort": "high"}, {"max_tokens": 99}, {"effort": "low", "exclude": True}]
)
def test_openrouters_object_stays_as_it_is_where_it_is_taken(form):
    own = record(reasons="default", stops=True, asked_by="object", budget=(1, 1000))
    assert send(own, reasoning=form) == ({"reasoning": form}, ())


def test_a_translated_field_joins_what_the_user_wrote_in_the_same_object():
    own = record(
        reasons="on_request",
        asked_by="adaptive",
        levels=("low",),
        fields={"response_format": FieldRule(name="output_config.format")},
    )
    schema = {"type": "json_schema"}
    for given in ({"output_config": {"format": schema}}, {"response_format": schema}):
        sent, _ = send(own, reasoning="low", **given)
        assert sent["output_config"] == {"format": schema, "effort": "low"}


@pytest.mark.parametrize(
    ("capability", "reasoning", "mend"),
    [
        (ALWAYS, "minimal", "minimal is not one of its levels .*; write low, medium or high"),
        (ALWAYS, "off", "it cannot stop reasoning .*write `reasoning: low`, the least"),
        (ALWAYS, {"max_tokens": 2000}, "2,000 tokens: a number .*write `reasoning` with low, med"),
        (ON_REQUEST, "xhigh", "write low, medium or high"),
        (ON_REQUEST, {"max_tokens": 500}, "not between 1,024 and 32,000"),
        (ON_REQUEST, {"max_tokens": 4096}, "not less than max_tokens, 4,096"),
        (NEVER, "low", "it does not reason .*remove it"),
        (NEVER, {"max_tokens": 2000}, "it does not reason"),
        (SWITCH, "high", "it takes no level of reasoning .*write `reasoning: .enabled: true.`"),
        (UNKNOWN, "high", "it takes no level of reasoning"),
        (UNKNOWN, "on", "no way to turn it on is known"),
        (DEFAULT, {"effort": "low", "exclude": True}, "exclude has no name there"),
        (DEFAULT, {"effort": "low", "max_tokens": 2000}, "exclude each other"),
        (DEFAULT, {"effort": "low", "enabled": False}, "turned off and asked for"),
        (DEFAULT, {"depth": 3}, "'depth' is unknown"),
        (DEFAULT, {"max_tokens": 0}, "0 is not a number of tokens"),
        (DEFAULT, {"max_tokens": True}, "True is not a number"),
        (DEFAULT, 2000, r"2000 is not a level; write off, low, medium, high or \{max_tokens: N\}"),
        (record(reasons="always"), "high", "it takes no level"),
        (record(reasons="always"), "off", "it cannot stop .*remove reasoning"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_of_reasoning_is_refused_with_the_mend(
    capability, reasoning, mend
):
    with pytest.raises(NotTaken, match=mend):
        send(capability, reasoning=reasoning)


def test_a_level_in_tokens_that_leaves_no_room_for_an_answer_is_refused():
    said = refusal(ON_REQUEST, reasoning="low", max_tokens=1000)
    assert "1,024 reasoning tokens are not less than max_tokens, 1,000" in said


def test_levels_in_tokens_stay_apart_whatever_the_limit():
    for limit in (8192, 20_000, 64_000):
        budgets = [
            send(ON_REQUEST, reasoning=level, max_tokens=limit)[0]["thinking"]["budget_tokens"]
            for level in ("low", "medium", "high")
        ]
        assert sorted(set(budgets)) == budgets
        assert budgets[-1] <= 0.8 * limit


@pytest.mark.parametrize(
    "native",
    [
        {"thinking": {"type": "disabled"}},
        {"reasoning_effort": "low"},
        {"output_config": {"effort": "low"}},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ],
)
def test_portable_and_native_together_are_refused(native):
    said = refusal(
        record(reasons="default", stops=True, asked_by="effort"), reasoning="low", **native
    )
    assert "in two forms; keep one of them" in said


@pytest.mark.parametrize(
    ("capability", "native"),
    [
        (ALWAYS, {"reasoning_effort": "low"}),
        (DEFAULT, {"reasoning_effort": "none"}),
        (ON_REQUEST, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        (ON_REQUEST, {"thinking": {"type": "disabled"}}),
        (ADAPTIVE, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        (replace(ADAPTIVE, levels_while_off=("low",)),
         {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}),
        (SWITCH, {"chat_template_kwargs": {"enable_thinking": False, "style": "short"}}),
        (record(fields={"enable_thinking": TAKEN, "thinking_budget": TAKEN}),
         {"enable_thinking": True, "thinking_budget": 100}),
    ],
)  # fmt: skip
def test_native_fields_that_a_model_takes_are_sent_as_they_stand(capability, native):
    assert send(capability, **native) == (native, ())


@pytest.mark.parametrize(
    ("capability", "native", "mend"),
    [
        (ALWAYS, {"reasoning_effort": "minimal"}, "write low, medium or high"),
        (ALWAYS, {"reasoning_effort": "none"}, "reasoning_effort: off: it cannot stop"),
        (ALWAYS, {"thinking": {"type": "enabled"}}, "thinking: it is not known .*`reasoning`"),
        (ON_REQUEST, {"thinking": {"type": "enabled", "budget_tokens": 4096}}, "not less than"),
        (ON_REQUEST, {"thinking": {"type": "enabled", "budget_tokens": 99}}, "not between"),
        (ON_REQUEST, {"thinking": {"type": "enabled"}}, "needs budget_tokens"),
        (ON_REQUEST, {"thinking": {"type": "adaptive"}}, "type adaptive is not one"),
        (ADAPTIVE, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "a number of tokens"),
        (ADAPTIVE, {"output_config": {"effort": "minimal"}}, "write low, high or max"),
        (replace(ADAPTIVE, levels_while_off=("low", "high")),
         {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
         "output_config.effort: max is not taken while reasoning is off .*; write low or high"),
        (replace(ADAPTIVE, reasons="always"), {"thinking": {"type": "enabled"}},
         "type enabled is not one .*; write adaptive, or"),
        (replace(ON_REQUEST, fields={"output_config": TAKEN, "output_config.effort": REFUSED}),
         {"output_config": {"effort": "low"}},
         "output_config.effort: it is not taken there .*; write `reasoning` instead"),
        (record(reasons="default", stops=True, asked_by="between", levels=("low",)),
         {"thinking": {"type": "disabled"}}, "type disabled is not one .*adaptive or between_t"),
        (record(reasons="never", fields={"reasoning_effort": TAKEN}),
         {"reasoning_effort": "low"}, "it does not reason"),
        (record(reasons="never", fields={"reasoning_effort": REFUSED}),
         {"reasoning_effort": "low"}, "reasoning_effort: it is not taken there"),
    ],
)  # fmt: skip
def test_native_fields_are_checked_against_the_record(capability, native, mend):
    with pytest.raises(NotTaken, match=mend):
        send(capability, **native)


# Other fields


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
@pytest.mark.parametrize("rule", [OWN, IGNORED, REFUSED, None])
def test_what_only_shapes_the_draw_is_left_out_and_said(name, rule):
    fields = {} if rule is None else {name: rule}
    known = record(fields={"temperature": TAKEN} | fields)
    if rule is None and name == "temperature":
        known = capability_from_json({"fields": {}})
    sent, changes = send(known, **{name: 0.5})
    assert sent == {}
    assert changes[0].startswith(f"{name} is left out: ")


def test_a_field_that_is_left_out_for_reasoning_says_how_it_would_be_sent():
    own = record(
        reasons="default", stops=True, asked_by="effort", while_reasoning={"temperature": OWN}
    )
    _, (change,) = send(own, temperature=0)
    assert change == (
        "temperature is left out: the model sets its own because it reasons (source: a page; "
        "certainty: high); with `reasoning: off` it would be sent"
    )
    assert send(own, temperature=0, reasoning="off")[0] == {
        "temperature": 0,
        "reasoning_effort": "none",
    }
    assert send(own, temperature=0, reasoning_effort="none")[0]["temperature"] == 0
    always = record(reasons="always", while_reasoning={"temperature": OWN})
    assert "would be sent" not in send(always, temperature=0)[1][0]


@pytest.mark.parametrize(
    ("fields", "given", "mend"),
    [
        ({}, {"presence_penalty": 0}, "presence_penalty: it is not known to be taken.*extra: {pre"),
        ({"logit_bias": REFUSED}, {"logit_bias": {}}, "logit_bias: it is not taken .*; remove it"),
        ({"temperature": FieldRule(low=0, high=1)}, {"temperature": 2}, "2 is not between 0 and 1"),
        ({"temperature": FieldRule(low=0, high=1)}, {"temperature": "x"}, "x is not a number"),
        ({"temperature": FieldRule(low=0, high=1)}, {"temperature": True}, "not a number"),
        ({"verbosity": FieldRule(only=("low", "high"))}, {"verbosity": "x"}, "write low or high"),
        ({"response_format": FieldRule(only=("json_object",))},
         {"response_format": {"type": "json_schema"}}, "type: json_schema.* write json_object"),
        ({"stop": FieldRule(most=1)}, {"stop": ["a", "b"]}, "at most 1 are taken.*not 2"),
        ({"stop": FieldRule(name="stop_sequences")}, {"stop": "a", "stop_sequences": ["b"]},
         "stop and stop_sequences are the same field"),
        ({}, {"stop_sequences": ["a"]}, "write `stop`, which is translated"),
    ],
)  # fmt: skip
def test_every_other_field_that_is_not_taken_is_refused_with_source_and_mend(fields, given, mend):
    with pytest.raises(NotTaken, match=mend):
        send(record(fields=fields), **given)


def test_all_problems_of_a_request_are_told_together():
    known = record(reasons="never", max_output=100, prefill_space=False)
    with pytest.raises(NotTaken) as error:
        send(known, max_tokens=200, logit_bias={}, seed=1, reasoning="low", prefill="<\n")
    assert len(error.value.args) == 5
    assert str(error.value).count("\n") == 4


def test_a_renamed_field_is_said_and_a_single_stop_becomes_a_list():
    known = record(fields={"stop": FieldRule(name="stop_sequences"), "seed": FieldRule(name="s")})
    sent, changes = send(known, stop="END", seed=1)
    assert sent == {"stop_sequences": ["END"], "s": 1}
    assert changes == ("stop is sent as stop_sequences", "seed is sent as s")
    assert send(known, stop_sequences=["END"])[0] == {"stop_sequences": ["END"]}


def test_a_number_below_the_least_is_raised_to_it_and_said():
    known = record(fields={"temperature": FieldRule(least=0.01, low=0, high=2)})
    assert send(known, temperature=0.5) == ({"temperature": 0.5}, ())
    sent, (change,) = send(known, temperature=0)
    assert sent == {"temperature": 0.01}
    assert change == "temperature 0 is sent as 0.01, the least that is taken"


def test_fields_that_exclude_each_other_are_refused_only_where_both_are_sent():
    both = {"temperature": 1, "top_p": 0.9}
    known = record(fields={"top_p": TAKEN}, exclusive=(("temperature", "top_p"),))
    assert "temperature and top_p cannot be sent together" in refusal(known, **both)
    left = record(fields={"top_p": OWN}, exclusive=(("temperature", "top_p"),))
    assert send(left, **both)[0] == {"temperature": 1}


def test_the_limit_has_its_name_and_its_range():
    named = record(limit_field="max_completion_tokens", max_output=1000, least_output=16)
    assert build_sent_fields(named, {"max_tokens": 16}).fields == {"max_completion_tokens": 16}
    assert "lower it to at most 1,000" in refusal(named, max_tokens=1001)
    assert "raise it to at least 16" in refusal(named, max_tokens=15)
    ranged = record(fields={"max_tokens": FieldRule(low=16, high=100)})
    assert "between 16 and 100" in refusal(ranged, max_tokens=15)


def test_extra_is_sent_as_it_stands_over_everything_but_the_limit():
    known = record(fields={"temperature": OWN})
    sent, changes = send(known, extra={"temperature": 1, "anything": {"a": 1}})
    assert sent == {"temperature": 1, "anything": {"a": 1}}
    assert changes == ()
    inside = {"output_config": {"effort": "low"}}
    sent, _ = send(ADAPTIVE, reasoning="high", extra=inside)
    assert sent["output_config"] == {"effort": "low"}
    assert sent["thinking"]["type"] == "adaptive"
    assert send(known, extra={"max_tokens": 10**6})[0] == {}


def test_priced_fields_are_sent_and_none_is_as_if_it_were_not_there():
    assert send(NEVER, service_tier="flex", stop=None, reasoning=None)[0] == {
        "service_tier": "flex"
    }


def test_a_record_of_a_plan_from_before_sends_what_it_does_not_know():
    assert send(record(takes_unknown=True), my_option=1)[0] == {"my_option": 1}


@pytest.mark.parametrize("prefill", ["<\n", "< ", "<\t", " ", "<\u00a0"])
def test_white_space_at_the_end_of_a_prefill_is_refused_where_the_provider_refuses_it(prefill):
    strict = record(prefill_space=False)
    assert "ends with white space" in refusal(strict, prefill=prefill)
    assert "`|`" in refusal(strict, prefill=prefill)
    send(strict, prefill="<")
    send(strict, prefill="\n<")
    send(record(), prefill=prefill)


def test_what_is_sent_does_not_change_when_a_record_is_kept_and_read_again():
    for each in (ALWAYS, ON_REQUEST, ADAPTIVE, SWITCH):
        kept = capability_from_json(each.to_json())
        level = "on" if each is SWITCH else "high"
        assert send(kept, reasoning=level, temperature=1) == send(
            each, reasoning=level, temperature=1
        )


@pytest.mark.parametrize(
    ("reasons", "said"), [("always", "adaptive, or"), ("on_request", "adaptive or disabled, or")]
)
def test_a_mend_is_a_type_of_thinking_that_the_model_takes(reasons, said):
    model = replace(ADAPTIVE, reasons=reasons)
    with pytest.raises(NotTaken, match=f"type enabled is not one that it takes.*; write {said}"):
        build_sent_fields(
            model, {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2000}}
        )
