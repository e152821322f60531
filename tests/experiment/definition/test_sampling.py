"""Sampling of each model, level and judge: what is written is what each request has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition.experiment import Overrides
from experiment.definition.reasoning_field import REASONING_LEVELS
from experiment.definition.sampling import change_sampling
from experiment.definition.schema import read_stored_spec
from experiment.definition.uses import list_uses
from experiment.errors import BadExperiment

OWN = """\
name: own
models:
  - gpt-4o
  - {name: claude-opus-4-5, sampling: {max_tokens: 9000, temperature: null, reasoning: {max_tokens: 4000}}}
  - {name: gpt-5, sampling: {reasoning: low, extra: {mine: 1}}}
factors:
  heat:
    cold: {sampling: {top_p: 0.5}}
    hot: {sampling: {top_p: 0.9, max_tokens: 700}}
  tone:
    kind: {opening: Please., sampling: {extra: {theirs: 2}}}
    curt: {opening: Now.}
queries: {file: queries.txt}
messages: [{role: user, content: "{{ opening }} {{ query }}"}]
sampling: {temperature: 1, max_tokens: 600}
judges:
  - name: grade
    model: gpt-5
    messages: [{role: user, content: "{{ output }}"}]
    sampling: {max_tokens: 3, reasoning: minimal}
"""  # noqa: E501 - a line of YAML


def uses(spec):
    return {(use.stage, use.model, use.condition.name): use.sampling for use in list_uses(spec)}


def test_a_request_has_the_experiments_fields_changed_by_its_model_then_by_its_levels(read):
    found = uses(read(OWN).spec)
    assert len(found) == 4 * 4
    assert found["subject", "gpt-4o", "cold/curt"] == {
        "temperature": 1, "max_tokens": 600, "top_p": 0.5,
    }  # fmt: skip
    assert found["subject", "claude-opus-4-5", "cold/curt"] == {
        "max_tokens": 9000, "reasoning": {"max_tokens": 4000}, "top_p": 0.5,
    }  # fmt: skip
    assert found["subject", "claude-opus-4-5", "hot/curt"]["max_tokens"] == 700
    assert found["subject", "gpt-5", "hot/kind"] == {
        "temperature": 1, "max_tokens": 700, "top_p": 0.9, "reasoning": "low",
        "extra": {"mine": 1, "theirs": 2},
    }  # fmt: skip
    for condition in ("cold/kind", "hot/curt"):
        assert found["grade", "gpt-5", condition] == {"max_tokens": 3, "reasoning": "minimal"}


def test_sampling_is_no_variable_of_a_template(read):
    for condition in read(OWN).conditions():
        assert condition.variables.keys() == {"opening"}


def test_a_stored_experiment_is_read_as_it_was_written(read):
    spec = read(OWN).spec
    assert read_stored_spec(spec.to_stored()) == spec
    assert spec.to_stored()["models"][0] == "gpt-4o"
    assert uses(read_stored_spec(spec.to_stored())) == uses(spec)


def test_the_command_line_keeps_the_sampling_of_models_that_remain(read):
    spec = read(OWN, Overrides(models=("gpt-5", "other"))).spec
    assert spec.models == ("gpt-5", "other")
    assert spec.model_sampling["gpt-5"]["reasoning"] == "low"
    assert spec.model_sampling["other"] == {}
    assert read_stored_spec(spec.to_stored()) == spec


def test_a_model_at_another_provider_keeps_what_the_file_says_of_it(read):
    text = OWN + "expect: {gpt-5: 300, gpt-4o: 5}\ntokenizer: {gpt-4o: hf:a/b}\n"
    moved = Overrides(models=("lab/gpt-5", "lab/gpt-4o"), written=("gpt-5", "gpt-4o"))
    spec = read(text, moved).spec
    assert spec.model_sampling["lab/gpt-5"]["reasoning"] == "low"
    # gpt-5 is still the judge's
    assert spec.expect == {"gpt-5": 300, "lab/gpt-5": 300, "lab/gpt-4o": 5}
    assert spec.tokenizer == {"lab/gpt-4o": "hf:a/b"}
    assert read_stored_spec(spec.to_stored()) == spec


def test_what_is_said_of_a_model_that_is_left_out_does_not_spoil_the_run_folder(
    read,
):
    text = OWN + "expect: {gpt-4o: 5, cold: 7}\ntokenizer: {gpt-4o: hf:a/b}\n"
    spec = read(text, Overrides(models=("gpt-5",))).spec
    assert (spec.expect, spec.tokenizer) == ({"cold": 7}, {})
    assert read_stored_spec(spec.to_stored()) == spec


def test_max_tokens_of_the_command_line_is_that_of_all_subjects(read):
    spec = read(OWN, Overrides(max_tokens=50)).spec
    for (stage, _, _), sampling in uses(spec).items():
        assert sampling["max_tokens"] == (50 if stage == "subject" else 3)
    assert uses(spec)["subject", "gpt-5", "hot/kind"]["top_p"] == 0.9


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_tokens: 9000", "max_tokens: many", "line 4: models.1.sampling.max_tokens: "),
        ("max_tokens: 9000", "max_tokens: 0", "line 4: models.1.sampling.max_tokens: "),
        ("max_tokens: 9000", "max_tokens: null", "line 4: models.1.sampling.max_tokens: "),
        ("max_tokens: 9000", "temprature: 1", "line 4: models.1.sampling: unknown field 'temprat"),
        ("{name: gpt-5,", "{nam: gpt-5,", "line 5: models.2.nam: unknown field; known fields: n"),
        ("- gpt-4o\n", "- [gpt-4o]\n", "line 3: models.0: expected a model's name, or {name: NAME"),
        ("- gpt-4o\n", "- 4\n", "line 3: models.0: expected a model's name, or {name: NAME"),
        ("name: gpt-5, s", "name: gpt-4o, s", "duplicate models: gpt-4o; .*of a factor"),
        ("{top_p: 0.5}", "{max_tokens: many}", "line 8: factors.heat.cold.sampling.max_tokens: "),
        ("{top_p: 0.5}", "{tools: []}", "line 8: factors.heat.cold.sampling: tools is not allowed"),
        ("{top_p: 0.5}", "[1]", "line 8: factors.heat.cold.sampling: Input should be a valid dict"),
        ("{top_p: 0.5}", "{extra: 7}", "line 8: factors.heat.cold.sampling: extra: expected"),
        ("opening: Now.", "reasoning: low", "line 6: factors: .*`sampling: {reasoning: …}`"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_at_its_line(old, new, said, read):
    with pytest.raises(BadExperiment, match=said):
        read(OWN.replace(old, new, 1))


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("top_p: 1", "top_p: 2", "top_p"),
        ("top_p: 1", "top_p: null", "top_p"),
        ("top_p: 1", "top_p: true", "top_p"),
        ("max_tokens: 1", "max_tokens: 2", "max_tokens"),
        ("extra: {a: 1}", "extra: {a: 2}", "extra.a"),
        ("stop: [a]", "stop: [a, b]", "stop"),
    ],
)
def test_two_factors_that_set_a_field_differently_are_refused(first, second, field, tiny, read):
    text = tiny.replace("  tier:", f"  one:\n    a: {{sampling: {{{first}}}}}\n  tier:")
    text = text.replace('pays: "yes"', f'pays: "yes", sampling: {{{second}}}')
    with pytest.raises(BadExperiment, match=r"line 3: factors: levels one\.a and tier\.paid") as at:
        read(text)
    assert f"both set {field} in `sampling`" in str(at.value)


def test_two_factors_may_set_a_field_to_the_same_value_or_other_fields(tiny, read):
    for other in ("logit_bias: {b: 2, a: 1}", "top_p: 1", "extra: {a: 1}"):
        text = tiny.replace(
            "  tier:", "  one:\n    a: {sampling: {logit_bias: {a: 1, b: 2}}}\n  tier:"
        ).replace('pays: "yes"', f'pays: "yes", sampling: {{{other}}}')
        assert len(list(list_uses(read(text).spec))) == 2


FIELDS = st.dictionaries(
    st.sampled_from(["top_p", "seed", "stop"]), st.none() | st.integers(0, 2), max_size=3
)


@given(FIELDS, FIELDS, FIELDS)
def test_the_last_change_of_a_field_counts_and_null_leaves_nothing(own, first, second):
    changed = change_sampling(change_sampling(own, first), second)
    for name in ("top_p", "seed", "stop"):
        last = next((each[name] for each in (second, first) if name in each), "kept")
        if last == "kept":
            assert changed.get(name, "absent") == own.get(name, "absent")
        else:
            assert changed.get(name) == last
            assert (name in changed) == (last is not None)


def reasoning(read, tiny, written: str):
    text = tiny.replace("max_tokens: 10", f"max_tokens: 10, reasoning: {written}")
    return read(text).spec.sampling.request_fields()["reasoning"]


@pytest.mark.parametrize("level", REASONING_LEVELS)
def test_every_level_of_reasoning_may_be_written_with_and_without_quotes(level, tiny, read):
    for written in (level, f'"{level}"', level.upper()):
        assert reasoning(read, tiny, written) == level
        kept = "none" if level == "off" else level
        assert reasoning(read, tiny, f"{{effort: {written}}}") == {"effort": kept}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("none", "off"),
        ("null", None),
        ("{max_tokens: 4000}", {"max_tokens": 4000}),
        ("{enabled: off}", {"enabled": False}),
        ("{enabled: yes, exclude: no}", {"enabled": True, "exclude": False}),
        ("{effort: high, summary: auto}", {"effort": "high", "summary": "auto"}),
    ],
)
def test_reasoning_may_be_a_number_of_tokens_or_an_object(written, read_as, tiny, read):
    assert reasoning(read, tiny, written) == read_as


@pytest.mark.parametrize(
    "written",
    ["hihg", "on", "yes", "true", "false", "4000", "[low]", "{effort: much}", "{effort: 3}",
     "{max_tokens: 0}", "{max_tokens: -1}", "{max_tokens: on}", "{max_tokens: true}",
     "{max_tokens: 1.5}", "{max_tokens: '9'}", "{enabled: maybe}", "{budget: 3}"],
)  # fmt: skip
@pytest.mark.parametrize("of", ["experiment", "model", "level", "judge"])
def test_what_is_no_reasoning_is_refused_with_what_is(written, of, read):
    old = {
        "experiment": "temperature: 1, max_tokens: 600",
        "model": "reasoning: low",
        "level": "top_p: 0.5",
        "judge": "max_tokens: 3, reasoning: minimal",
    }[of]
    limit = "max_tokens: 5, " if of in ("experiment", "judge") else ""
    with pytest.raises(BadExperiment, match=r"reasoning") as error:
        read(OWN.replace(old, f"{limit}reasoning: {written}", 1))
    if written in ("hihg", "on", "yes", "4000", "{effort: much}"):
        assert "expected off, minimal, low, medium, high, xhigh, max, or {max_tokens: N}" in str(
            error.value
        )


def test_expect_takes_the_name_of_a_model_and_of_a_judges_model(read):
    spec = read(OWN + "expect: {gpt-5: 300, claude-opus-4-5: scratchpad, cold: 5}\n").spec
    assert spec.expect == {"gpt-5": 300, "claude-opus-4-5": "scratchpad", "cold": 5}
