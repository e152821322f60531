"""Lessons of a run: its bills against its counts, kept for the next estimate."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from estimator.counting.calibration import CalibrationRecord, calibration_path, load_calibration
from estimator.plan.planner import EstimateOptions, estimate_experiment
from pricing.money import Money
from providers.registry import load_providers
from runner.execution.scheduler import StopReason
from runner.ledger.location import FileLocation
from runner.results.calibration_update import update_calibration
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import Call, FakeProvider, always

HERE = f"{lab.MODEL} at http://127.0.0.1:9/v1"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Return an experiment in a home of its own, where nothing was learned."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "own-home"))
    monkeypatch.chdir(tmp_path)
    return lab.write(tmp_path / "small")


def plan_of(path):
    uncached = EstimateOptions(use_cache=False)
    return estimate_experiment(str(path), lab.DAY, options=uncached).plan


def ran(path, script, ledger_path, plan=None):
    """Run all of a plan at a provider that bills as scripted, and learn from the bills."""
    plan = plan or plan_of(path)
    made = lab.Lab(estimate_experiment(str(path), lab.DAY).experiment, plan.models)
    with lab.ledger_of(ledger_path, lab.AMPLE, plan=plan.digest) as ledger:
        progress = lab.finish(lab.execution(made, ledger, FakeProvider(made, script)))
        assert progress.end is StopReason.COMPLETE, progress.reason
    known = load_providers(made.experiment.spec.providers)
    return update_calibration(plan, FileLocation(ledger_path), known, lab.DAY)


def billing(*extras):
    """Bill so many prompt tokens above the count, in turn."""
    turns = count()
    return lambda _request, _number: Call(4, extra_prompt=extras[next(turns) % len(extras)])


@pytest.mark.parametrize("extra", [0, 3, -3])
def test_a_constant_difference_is_learned_and_kept(path, fresh, extra):
    learned = ran(path, billing(extra), fresh())
    assert (
        learned
        == load_calibration(calibration_path())
        == {HERE: CalibrationRecord("llama-3.1", 24, extra, extra, lab.DAY)}
    )
    assert plan_of(path).models[lab.MODEL].counting.offset == extra


def test_the_next_run_teaches_the_same_and_not_the_difference_of_the_difference(path, fresh):
    plain, first = plan_of(path), ran(path, billing(3), fresh())
    calibrated = plan_of(path)
    assert calibrated.models[lab.MODEL].counting.offset == 3
    for old, new in zip(plain.strata, calibrated.strata, strict=True):
        if new.stage == "subject":
            assert new.input_tokens == old.input_tokens + 3 * old.requests

    assert ran(path, always(4), fresh(), calibrated) == first, "each bill is as counted"


def test_a_difference_that_changes_is_learned_as_what_it_is_and_undoes_an_offset(path, fresh):
    ran(path, billing(3), fresh())
    learned = ran(path, billing(4, -2, 0), fresh())
    lesson = learned[HERE]
    assert (lesson.calls, lesson.most - lesson.least, lesson.offset) == (24, 6, None)
    assert plan_of(path).models[lab.MODEL].counting.offset is None


def test_four_bills_teach_nothing_and_leave_what_is_known(path, fresh):
    known = ran(path, billing(3), fresh())
    few = lab.write(path.parent.parent / "few", queries=1, votes=0)
    assert ran(few, billing(9), fresh()) == {}
    assert load_calibration(calibration_path()) == known


def test_of_another_vocabulary_prompts_of_one_length_teach_nothing(path, fresh):
    model = "my-lab/nobodys-model"
    alike = {"messages": [{"role": "user", "content": "{{ query }}"}], "queries": 1, "samples": 8}
    one = lab.write(path.parent.parent / "alike", model=model, votes=0, **alike)
    assert ran(one, billing(3), fresh()) == {}
    longer = "{{ query }}{% if '1' in query %}" + " and so on" * 60 + "{% endif %}"
    uneven = {"messages": [{"role": "user", "content": longer}]}
    differ = lab.write(path.parent.parent / "differ", model=model, votes=0, **uneven)
    (lesson,) = ran(differ, billing(3), fresh()).values()
    assert lesson.calls == 12


def test_what_the_provider_itself_counted_teaches_nothing_of_our_counts(path, fresh):
    plan = plan_of(path)
    models = {
        written: replace(model, counting=replace(model.counting, endpoint="http://127.0.0.1:9"))
        for written, model in plan.models.items()
    }
    assert ran(path, billing(3), fresh(), replace(plan, models=models)) == {}
    assert not calibration_path().exists()


def test_only_what_was_answered_is_compared(path, fresh):
    """Attempts that were refused or lost have no bill."""
    fates = {1: "busy", 2: "lost"}

    def script(_request, number):
        return Call(4, fates.get(number, "answered"), extra_prompt=3)

    assert ran(path, script, fresh())[HERE] == CalibrationRecord("llama-3.1", 24, 3, 3, lab.DAY)


def test_what_is_billed_above_a_count_is_reserved_for_under_the_next_plan(tmp_path, path, fresh):
    unjudged = lab.write(tmp_path / "unjudged", votes=0)
    before = plan_of(unjudged).total.ceiling
    ran(path, billing(3), fresh())
    after = plan_of(unjudged).total.ceiling
    assert after - before == Money.from_usd("0.0000144"), "12 prompts, 3 tokens, $0.40 per million"


def test_a_prompt_that_is_billed_for_each_of_several_votes_teaches_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "own-home"))
    monkeypatch.chdir(tmp_path)
    takes = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "capabilities": {"choices": 8}}
    path = lab.write(tmp_path / "votes", votes=5, providers={"my-lab": takes})

    class BillsEachPrompt(FakeProvider):
        def _usage(self, request, call):
            usage = super()._usage(request, call)
            return replace(usage, input=usage.input * request.choices)

    plan, ledger_path = plan_of(path), tmp_path / "ledger.sqlite"
    made = lab.Lab(estimate_experiment(str(path), lab.DAY).experiment, plan.models)
    with lab.ledger_of(ledger_path, lab.AMPLE, plan=plan.digest) as ledger:
        provider, ends = BillsEachPrompt(made, always(4)), []
        while StopReason.COMPLETE not in ends and len(ends) < 3:
            ends.append(lab.finish(lab.execution(made, ledger, provider)).end)
    assert ends[-1] is StopReason.COMPLETE
    known = load_providers(made.experiment.spec.providers)
    learned = update_calibration(plan, FileLocation(ledger_path), known, lab.DAY)
    assert learned == {HERE: CalibrationRecord("llama-3.1", 12, 0, 0, lab.DAY)}, "the subjects'"
