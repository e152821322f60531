"""A program's two runs: base and slope of each call, its stages, and what they cost."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from estimator.counting import CountingMethod, build_tokenizer
from estimator.errors import BadRecording
from estimator.recorded import Recording
from experiment.prompts import Message
from tests.estimator.recorded.rehearsed import JUDGE, MODEL, Ask, estimate, rehearse

CITIES = ("Paris", "Rome", "Oslo", "Madrid", "Vienna", "Lisbon")


def _count(text: str, model: str = MODEL) -> int:
    tokenizer = build_tokenizer(model, CountingMethod())
    return tokenizer.count([Message("user", text)]).tokens


def _name_stages(recording: Recording) -> dict[str, int]:
    plan = estimate(recording).plan
    return {each.stage: each.requests for each in plan.strata}


def _mixed(ask: Ask) -> None:
    """Describe, have it judged, go on with the conversation, and edit."""
    for city in CITIES:
        asked = f"Describe {city} in one sentence."
        answer = ask(asked)
        verdict = "Is this a good description? Rate it from 1 to 10."
        ask(f"{verdict}\n\n{asked}\n\n{answer}\n\nAnswer with the number alone.", model=JUDGE)
        turns = [("user", asked), ("assistant", answer), ("user", "And now in French, please.")]
        ask([{"role": role, "content": text} for role, text in turns])
        editor = {"role": "system", "content": "You are an editor who shortens texts."}
        ask([editor, {"role": "user", "content": f"{answer} (about {city})"}])


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_prompt_is_its_base_and_as_many_answers_as_it_has(times):
    def study(ask: Ask) -> None:
        for city in CITIES:
            answer = ask(f"What is {city} known for?", label="ask")
            ask(f"Judge what is said of {city}:{' ' + answer if times else ''}"
                + f"\n{answer}" * (times - 1), label="judge")  # fmt: skip

    judged = [each for each in estimate(rehearse(study)).calls if each.key.stage == "judge"]
    assert [each.slope for each in judged] == pytest.approx([times] * len(CITIES), abs=0.05)
    bare = [_count(f"Judge what is said of {city}:") for city in CITIES]
    assert [each.base for each in judged] == pytest.approx(bare, abs=3)


def test_what_reads_no_answer_is_counted_to_the_token():
    def study(ask: Ask) -> None:
        for city in CITIES:
            ask(f"Describe {city} in one sentence.")

    plan = estimate(rehearse(study)).plan
    (stratum,) = plan.strata
    assert stratum.exactness == "exact"
    assert stratum.input_tokens == sum(_count(f"Describe {c} in one sentence.") for c in CITIES)


def test_a_judges_input_has_the_forecast_answers():
    strata = {each.stage: each for each in estimate(rehearse(_mixed)).plan.strata}
    subject, judge = strata["describe-in-one-sentence"], strata["is-this-a-good-description"]
    bases = judge.input_tokens - subject.output.mean  # of the same vocabulary's size
    assert 0 < bases < 60 * len(CITIES)
    assert judge.exactness == "approximate"


def test_a_mixed_program_has_stages_that_a_reader_understands():
    assert _name_stages(rehearse(_mixed)) == {
        "describe-in-one-sentence": 6,
        "is-this-a-good-description": 6,
        "and-now-in-french-please-later": 6,
        "you-are-an-editor-who": 6,
    }


def test_stages_and_figures_are_the_same_in_any_order_of_arrival():
    recording = rehearse(_mixed)
    mixed = [list(recording.calls), list(recording.longer)]
    for number, calls in enumerate(mixed):
        random.Random(number).shuffle(calls)
    first, second = mixed
    other = estimate(replace(recording, calls=tuple(first), longer=tuple(second))).plan
    plan = estimate(recording).plan
    assert {each.name: each for each in other.stages} == {each.name: each for each in plan.stages}
    assert other.total.ceiling == plan.total.ceiling
    sums = [{s.stage: s.input_tokens for s in each.strata} for each in (plan, other)]
    assert sums[0] == sums[1]


def test_a_label_is_a_stage_whatever_is_asked():
    def study(ask: Ask) -> None:
        ask("One thing.", label="probe")
        ask("Something else altogether.", label="probe")
        ask("Something else altogether.")

    assert _name_stages(rehearse(study)) == {"probe": 2, "call": 1}


def test_a_call_without_a_partner_is_said():
    recording = rehearse(_mixed)
    other = replace(recording, longer=recording.longer[:-2])
    (problem,) = estimate(other).plan.problems
    assert problem.startswith("2 calls of the first run had none like it in the second")


def test_a_model_without_a_price_leaves_a_part():
    def study(ask: Ask) -> None:
        ask("Describe Paris.")
        ask("Describe Paris.", model="no-such-model")

    plan = estimate(rehearse(study)).plan
    assert plan.calls == 1
    assert "openai/no-such-model" in plan.problems[0]


def test_other_models_take_the_place_of_those_that_were_asked():
    recording = rehearse(_mixed)
    other = estimate(recording, replaced={"": "anthropic/claude-sonnet-5", JUDGE: MODEL}).plan
    assert {each.model for each in other.strata} == {"anthropic/claude-sonnet-5", f"openai/{MODEL}"}
    with pytest.raises(BadRecording, match="no call asks gpt-2; models: openai/gpt-4o-mini"):
        estimate(recording, replaced={"gpt-2": MODEL})


def test_what_was_billed_is_forecast_as_it_was():
    def study(ask: Ask) -> None:
        for city in CITIES:
            ask(f"Describe {city} in one sentence.")

    recording = rehearse(study, once=True)
    billed = [replace(c, answer_tokens=100, is_measured=True) for c in recording.calls]
    (stratum,) = estimate(replace(recording, calls=tuple(billed))).plan.strata
    assert (stratum.basis, stratum.output.mean) == ("history", 600)


def test_one_run_alone_has_stages_and_no_exact_judge():
    plan = estimate(rehearse(_mixed, once=True)).plan
    exact = {each.stage: each.exactness for each in plan.strata}
    assert exact["describe-in-one-sentence"] == "exact"
    assert exact["is-this-a-good-description"] == "approximate"
    assert plan.problems == ()


def test_an_empty_recording_is_refused():
    with pytest.raises(BadRecording, match="no call was recorded"):
        estimate(Recording(("true",), (), (), ()))
