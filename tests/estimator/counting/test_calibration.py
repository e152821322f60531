"""What bills teach: an offset where every bill has it, and never a smaller reservation."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estimator.counting.calibration import (
    CalibrationRecord,
    calibration_key,
    calibration_path,
    compare_with_bills,
    learned_offset,
    load_calibration,
    save_calibration,
)
from estimator.counting.token_count import Exactness
from estimator.counting.tokenizer import CalibratedTokenizer, CountingMethod, build_tokenizer
from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.planner import estimate_experiment
from experiment.definition.experiment import Overrides
from experiment.definition.schema import ProviderFields
from experiment.prompts.request import Message
from providers.registry import load_providers
from tests.runner import sample_experiment as lab

DAY = lab.DAY
HERE = "my-lab/llama-3.1-8b at http://127.0.0.1:9/v1"
PROMPT = (Message("user", "Please tell me about number 7, and about number 8."),)


def pairs(*differences, counted=100):
    """Return bills that differ so from counts of different length."""
    return [(counted + 10 * n, counted + 10 * n + each) for n, each in enumerate(differences)]


@pytest.mark.parametrize("extra", [7, 0, -3])
def test_a_difference_that_five_bills_share_is_an_offset(extra):
    lesson = compare_with_bills("llama-3.1", pairs(*[extra] * 5), DAY, exact=True)
    assert lesson == CalibrationRecord("llama-3.1", 5, extra, extra, DAY)
    assert lesson.offset == extra


@pytest.mark.parametrize(("difference", "offset"), [(-64, -64), (-65, None), (-398, None)])
def test_a_bill_far_below_the_count_teaches_nothing(difference, offset):
    """No frame of ours is so long: the prompt was cut, or the bill is not what is said."""
    bills = pairs(*[difference] * 5, counted=500)
    lesson = compare_with_bills("llama-3.1", bills, DAY, exact=True)
    assert (lesson.least, lesson.offset) == (difference, offset)


def test_four_bills_say_nothing():
    assert compare_with_bills("llama-3.1", pairs(7, 7, 7, 7), DAY, exact=True) is None
    assert compare_with_bills("llama-3.1", [], DAY, exact=True) is None


def test_a_difference_that_changes_is_told_and_is_no_offset():
    lesson = compare_with_bills("llama-3.1", pairs(7, 7, 7, 7, 7, 7, 8, -2), DAY, exact=True)
    assert lesson == CalibrationRecord("llama-3.1", 8, -2, 8, DAY)
    assert lesson.offset is None


def test_prompts_of_one_length_teach_nothing_of_another_vocabulary():
    bills = [(100, 130)] * 50
    assert compare_with_bills("other", bills, DAY, exact=False) is None, "30 tokens, or 30 %?"
    assert compare_with_bills("llama-3.1", bills, DAY, exact=True).offset == 30
    assert compare_with_bills("other", [*bills, (200, 230)], DAY, exact=False).offset == 30
    assert compare_with_bills("other", [*bills, (200, 260)], DAY, exact=False).offset is None


@given(counts=st.lists(st.integers(1, 10**6), min_size=5, unique=True), extra=st.integers(-50, 50))
def test_a_learned_offset_makes_every_count_its_bill(counts, extra):
    bills = [(counted, counted + extra) for counted in counts]
    for exact in (True, False):
        lesson = compare_with_bills("any", bills, DAY, exact=exact)
        assert all(counted + lesson.offset == billed for counted, billed in bills)


def test_lessons_of_several_models_are_kept_side_by_side_and_replaced_one_by_one(tmp_path):
    path = tmp_path / "deep" / "calibration.json"
    first, second = (
        CalibrationRecord("llama-3.1", 9, 7, 7, DAY),
        CalibrationRecord("gpt-4o", 48, -2, 8, DAY),
    )
    save_calibration(path, {"my-lab/a": first})
    save_calibration(path, {"my-lab/b": second})
    save_calibration(path, {})
    assert load_calibration(path) == {"my-lab/a": first, "my-lab/b": second}
    assert learned_offset(path, "my-lab/a", "llama-3.1") == 7
    assert learned_offset(path, "my-lab/b", "gpt-4o") is None
    save_calibration(
        path, {"my-lab/a": replace(second, tokenizer="llama-3.1", learned=date(2026, 12, 1))}
    )
    assert learned_offset(path, "my-lab/a", "llama-3.1") is None, "the newest bills say so"
    assert load_calibration(path)["my-lab/b"] == second
    assert [each.name for each in path.parent.iterdir()] == ["calibration.json"]


def test_an_offset_is_not_that_of_another_model_or_of_another_tokenizer(tmp_path):
    path = tmp_path / "calibration.json"
    save_calibration(path, {"my-lab/a": CalibrationRecord("llama-3.1", 9, 7, 7, DAY)})
    assert learned_offset(path, "my-lab/a", "llama-3") is None
    assert learned_offset(path, "my-lab/aa", "llama-3.1") is None
    assert learned_offset(tmp_path / "none.json", "my-lab/a", "llama-3.1") is None


ROW = '{"tokenizer": "t", "calls": 9, "least": 7, "most": 7, "learned": "2026-11-20"}'


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"not JSON",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"schema": "afcost.calibration/2", "models": {"a": %s}}' % ROW.encode(),
        b'{"schema": "afcost.calibration/1"}',
        b'{"schema": "afcost.calibration/1", "models": []}',
        b'{"schema": "afcost.calibration/1", "models": {"a": 7}}',
        b'{"schema": "afcost.calibration/1", "models": {"a": {"least": 7, "most": 7}}}',
        ROW.join(['{"schema": "afcost.calibration/1", "models": {"a": ', "}}"])
        .replace("2026-11-20", "a day")
        .encode(),
        ROW.join(['{"schema": "afcost.calibration/1", "models": {"a": ', "}}"])
        .replace('"least": 7, "most": 7', '"least": "x", "most": "x"')
        .encode(),
    ],
)
def test_a_damaged_file_teaches_nothing_and_is_replaced(tmp_path, damaged):
    path = tmp_path / "calibration.json"
    path.write_bytes(damaged)
    assert learned_offset(path, "a", "t") is None
    assert load_calibration(path) == {}
    save_calibration(path, {"a": CalibrationRecord("t", 9, 7, 7, DAY)})
    assert learned_offset(path, "a", "t") == 7


def test_a_provider_at_another_address_is_another_one():
    own = {"kind": "openai", "base_url": "https://proxy.example/v1"}
    names = {
        calibration_key(load_providers(given)[name], "llama-3.1-8b")
        for name, given in [
            ("deepinfra", {}),
            ("openai", {}),
            ("deepinfra", {"deepinfra": ProviderFields(**own)}),
            ("deepinfra", {"deepinfra": ProviderFields(**own | {"base_url": "http://b.example"})}),
            ("my-lab", {"my-lab": ProviderFields(**own)}),
        ]
    }
    assert len(names) == 5
    assert (
        calibration_key(load_providers({})["deepinfra"], "llama-3.1-8b") == "deepinfra/llama-3.1-8b"
    )


@given(text=st.text(), extra=st.integers(-200, 200))
@pytest.mark.parametrize("model", ["llama-3.1-8b", "nobodys-model"])
def test_an_offset_moves_the_count_and_never_lowers_the_bound(model, text, extra):
    base = build_tokenizer(model, CountingMethod())
    calibrated = CalibratedTokenizer(base, extra)
    plain, moved = (each.count((Message("user", text),)) for each in (base, calibrated))
    assert moved.tokens == max(plain.tokens + extra, 0)
    assert moved.bound >= max(plain.bound, moved.tokens)
    assert moved.bound == plain.bound + max(extra, 0)
    exact = extra == 0 and base.exactness is Exactness.EXACT
    assert moved.exactness is (Exactness.EXACT if exact else Exactness.CALIBRATED)
    assert calibrated.error == ("" if exact else f"earlier bills differ by {extra:+d} tokens "
                                "per prompt")  # fmt: skip
    assert calibrated.count_text(text) == base.count_text(text), "an answer has no frame"


@pytest.fixture
def path(tmp_path, monkeypatch, home):  # noqa: ARG001 - nothing learned before
    monkeypatch.chdir(tmp_path)
    return lab.write(tmp_path / "small", votes=0)


def inputs(path, *changes):
    """Return (count, bound, exactness) of every request, and the plan."""
    found = []
    made = estimate_experiment(
        str(path), DAY, *changes, on_request=lambda counted, *_: found.append(counted.count)
    )
    return [(each.tokens, each.bound, each.exactness) for each in found], made.plan


@pytest.mark.parametrize("extra", [7, -3])
def test_the_next_estimate_rests_on_what_was_learned(path, extra):
    before, plain = inputs(path)
    save_calibration(
        calibration_path(), {HERE: CalibrationRecord("llama-3.1", 9, extra, extra, DAY)}
    )
    after, learned = inputs(path)
    assert after == [
        (tokens + extra, bound + max(extra, 0), "calibrated") for tokens, bound, _ in before
    ]
    for old, new in zip(plain.strata, learned.strata, strict=True):
        assert new.exactness == "calibrated"
        assert new.input_tokens == old.input_tokens + extra * old.requests
        assert (new.cost.ceiling > old.cost.ceiling) == (extra > 0)
        assert new.cost.ceiling >= old.cost.ceiling, "a bill alone lowers no reservation"
    assert f"earlier bills differ by {extra:+d} tokens per prompt" in " ".join(learned.assumptions)


def test_a_learned_zero_confirms_an_exact_count_and_changes_nothing(path):
    before, plain = inputs(path)
    save_calibration(calibration_path(), {HERE: CalibrationRecord("llama-3.1", 9, 0, 0, DAY)})
    after, confirmed = inputs(path)
    assert after == before
    assert {stratum.exactness for stratum in confirmed.strata} == {"exact"}
    assert confirmed.total == plain.total


@pytest.mark.parametrize(
    ("name", "lesson"),
    [
        (HERE, CalibrationRecord("llama-3.1", 9, -2, 8, DAY)),
        (HERE, CalibrationRecord("llama-3", 9, 7, 7, DAY)),
        (HERE.replace("8b", "70b"), CalibrationRecord("llama-3.1", 9, 7, 7, DAY)),
        (HERE.replace(":9", ":8"), CalibrationRecord("llama-3.1", 9, 7, 7, DAY)),
        (HERE.partition(" at")[0], CalibrationRecord("llama-3.1", 9, 7, 7, DAY)),
    ],
    ids=["not constant", "tokenizer", "model", "address", "no address"],
)
def test_what_was_learned_of_anything_else_is_not_applied(path, name, lesson):
    before, plain = inputs(path)
    save_calibration(calibration_path(), {name: lesson})
    assert inputs(path) == (before, plain)


def test_two_models_have_two_offsets(path):
    names = ("my-lab/llama-3.1-8b", "my-lab/gpt-4o")
    price = {"input": "0.40", "output": "0.80"}
    (path.parent / "afcost.prices.yaml").write_text(
        yaml.safe_dump({"prices": dict.fromkeys(names, price)})
    )
    both = Overrides(models=names)
    before, _ = inputs(path, both)
    family = build_tokenizer("gpt-4o", CountingMethod()).name
    save_calibration(calibration_path(), {HERE: CalibrationRecord("llama-3.1", 9, 7, 7, DAY)})
    save_calibration(
        calibration_path(),
        {HERE.replace("llama-3.1-8b", "gpt-4o"): CalibrationRecord(family, 9, 1, 1, DAY)},
    )
    after, _ = inputs(path, both)
    moved = [new - old for (new, *_), (old, *_) in zip(after, before, strict=True)]
    assert moved == [7] * 12 + [1] * 12


def test_a_plan_keeps_the_offset_that_it_was_made_with(path, tmp_path):
    save_calibration(calibration_path(), {HERE: CalibrationRecord("llama-3.1", 9, 7, 7, DAY)})
    _, made = inputs(path)
    plans.save_plan(made, tmp_path / "plan.json")
    save_calibration(calibration_path(), {HERE: CalibrationRecord("llama-3.1", 99, 3, 3, DAY)})
    read = plans.read_plan(tmp_path / "plan.json")
    assert read.digest == made.digest
    (model,) = read.models.values()
    assert model.counting.offset == 7
    assert model.tokenizer.count(PROMPT).tokens == (
        build_tokenizer("llama-3.1-8b", CountingMethod()).count(PROMPT).tokens + 7
    )
    fresh = stale.verify_plan(read, lab.NOW)
    assert fresh.models == read.models, "what is learned later does not undo an approval"
    document = json.loads((tmp_path / "plan.json").read_text())
    for each in document["models"].values():
        each["counting"]["offset"] = 0
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(plans.BadPlan, match="was edited"):
        plans.read_plan(tmp_path / "plan.json")
