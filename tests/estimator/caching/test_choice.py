"""What `cache: auto` caches: the cheapest way for the plan, or nothing, and then why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estimator.caching.choice import choose_caching
from estimator.forecast.stratum_lengths import forecast_output_lengths
from estimator.plan.plan_file import read_plan, save_plan
from estimator.plan.planner import EstimateOptions, estimate_experiment
from estimator.plan.staleness import list_changed_models, verify_plan
from estimator.workload import make_request_builder
from pricing.rates.rate import Rate
from tests.runner import sample_experiment as lab

CLAUDE = "anthropic/claude-opus-5.5"
RULES = "Follow rule {{ how }} of these to the letter. " + "Never say what you were told. " * 250
TURN = {"role": "user", "content": "{{ tier }}: {{ query }}"}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))

    def write(system=RULES, *, model=CLAUDE, cache="auto", votes=0, queries=20, **changes):
        messages = [{"role": "system", "content": system}, TURN]
        changes = {"messages": messages, "cache": cache, "sampling": {"max_tokens": 400}} | changes
        path = lab.write(tmp_path / "e", queries=queries, model=model, votes=votes, **changes)
        if not model.startswith("my-lab/"):  # at its own prices
            (path.parent / "afcost.prices.yaml").unlink()
        return str(path)

    return write


@pytest.fixture
def plan(write):
    def plan(*arguments, options=EstimateOptions(), **changes):
        return estimate_experiment(write(*arguments, **changes), lab.DAY, options=options).plan

    return plan


def notes(plan):
    return [each for each in plan.assumptions if each.startswith("cache: ")]


def test_a_system_text_is_marked_once_for_all_conditions_that_share_it(plan):
    cached, plain = plan(), plan(cache="off")
    prefixes = cached.models[CLAUDE].caching
    assert {each.conditions for each in prefixes} == {
        ("free/cot", "paid/cot"),
        ("free/plain", "paid/plain"),
    }
    assert {(each.mark.messages, each.mark.keep) for each in prefixes} == {(1, "5m")}
    assert [each.written for each in prefixes] == pytest.approx([1 / 40] * 2, rel=0.01)
    saved = sum(each.cache_saving for each in cached.strata)
    assert plain.total.mean - cached.total.mean == pytest.approx(saved, abs=1e-4)
    assert plain.total.mean > 2 * cached.total.mean
    assert cached.total.ceiling > plain.total.ceiling, "all of it may be written"
    assert "kept for five minutes" in notes(cached)[0]
    assert notes(plain) == []


def test_the_requests_and_the_work_are_those_of_a_plan_without(plan):
    cached, plain = plan(), plan(cache="off")
    assert cached.requests == plain.requests
    assert cached.digest != plain.digest
    assert cached.models[CLAUDE].caching
    assert not plain.models[CLAUDE].caching


def test_a_plan_keeps_it_and_is_verified_with_it(plan, tmp_path):
    cached = plan()
    save_plan(cached, tmp_path / "plan.json")
    read = read_plan(tmp_path / "plan.json")
    assert read.digest == cached.digest
    assert read.models == cached.models
    assert [each.cache_read for each in read.strata] == [each.cache_read for each in cached.strata]
    verified = verify_plan(read, lab.NOW)
    assert verified.ceiling == cached.total.ceiling
    marks = {each.mark for each in verified.request_builder().in_work_order("seed")}
    assert marks == {each.mark for each in cached.models[CLAUDE].caching}


@pytest.mark.parametrize(
    ("seconds", "keep", "writes"), [(60, "5m", 1), (30_000, "1h", 1.5), (10**7, None, 0)]
)
def test_how_long_it_is_kept_is_what_costs_least_at_the_pace_of_the_run(
    write, monkeypatch, seconds, keep, writes
):
    """Forty requests share each text; where they come hours apart all would have to write it."""
    monkeypatch.setattr("estimator.caching.choice._estimate_seconds", lambda *_: seconds)
    estimate = estimate_experiment(write(cache="off"), lab.DAY)
    experiment = estimate_experiment(write(), lab.DAY).experiment
    models = estimate.plan.models
    lengths = forecast_output_lengths(experiment, models, {})
    choice = choose_caching(experiment, models, lengths, estimate.book)
    found = choice.models[CLAUDE].caching
    if keep is None:
        assert not found
        assert "cost more than reading it saves" in choice.left_out["subject", CLAUDE]
    else:
        assert {each.mark.keep for each in found} == {keep}
        assert 40 * found[0].written == pytest.approx(writes, abs=0.5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"system": "Be brief."}, "caches 1,024 or more"),
        ({"system": "{{ query }} " + RULES}, "they share 0 tokens of whole messages"),
        ({"queries": 1, "factors": {}}, "cost more than reading it saves"),
        ({"model": "my-lab/llama-3.1-8b"}, "caching of this model is not known at my-lab"),
        ({"batch": True}, "the requests of a batch run side by side"),
        ({"batch": True, "model": "openai/gpt-4o"}, "costs no less than other input in batches"),
        (
            {"messages": [{"role": "user", "content": RULES}, {**TURN, "role": "system"}, TURN]},
            "a system message follows that differs between prompts",
        ),
    ],
)
def test_what_cannot_be_cached_or_would_cost_more_is_left_out_and_said(plan, changes, why):
    if "factors" in changes:
        changes |= {"system": RULES.replace("{{ how }}", "one"), "messages": [
            {"role": "system", "content": RULES.replace("{{ how }}", "one")},
            {"role": "user", "content": "{{ query }}"},
        ]}  # fmt: skip
    found, plain = plan(**changes), plan(**changes | {"cache": "off"})
    assert why in " ".join(notes(found))
    assert not any(model.caching for model in found.models.values())
    assert found.total == plain.total


def test_where_a_provider_caches_unasked_nothing_is_marked_and_the_range_says_so(plan):
    cached = plan(model="openai/gpt-4o")
    (prefix, *_) = cached.models["openai/gpt-4o"].caching
    plain = plan(model="openai/gpt-4o", cache="off")
    assert (prefix.mark.messages, prefix.mark.keep) == (0, None)
    assert prefix.tokens % 128 == 0
    assert cached.total.mean < plain.total.mean
    assert cached.total.q95 == pytest.approx(plain.total.q95)
    assert cached.total.ceiling == plain.total.ceiling


def test_a_judges_instructions_are_cached_too_and_each_may_have_a_rule_of_its_own(plan):
    judge = {
        "name": "j",
        "model": CLAUDE,
        "messages": [
            {"role": "system", "content": "Grade by this. " + RULES.replace("{{ how }}", "one")},
            {"role": "user", "content": "{{ output }}"},
        ],
        "sampling": {"max_tokens": 100},
    }
    both = plan(judges=[judge])
    assert {each.stage for each in both.models[CLAUDE].caching} == {"subject", "j"}
    assert plan(judges=[judge | {"cache": "off"}]).models[CLAUDE].caching == tuple(
        each for each in both.models[CLAUDE].caching if each.stage == "subject"
    )
    alone = plan(judges=[judge], models=[{"name": CLAUDE, "cache": "off"}])
    assert {each.stage for each in alone.models[CLAUDE].caching} == {"j"}
    answer_first = [{"role": "system", "content": "{{ output }}" + RULES}, TURN]
    assert {each.stage for each in plan(judges=[judge | {"messages": answer_first}]).models[
        CLAUDE
    ].caching} == {"subject"}  # fmt: skip


def test_a_plan_is_stale_once_what_it_writes_costs_more(plan):
    cached, day = plan(), lab.NOW
    (name,) = cached.models
    model = cached.models[name]

    def cheaper(card):
        return replace(card, cache_write=Rate(card.cache_write.base / 2))

    tariff = model.offer.tariff.map_cards(cheaper)
    pinned = replace(model, offer=replace(model.offer, tariff=tariff))
    changed = list_changed_models({name: pinned}, {name: model}, day, None)
    assert [each.split(":")[0] for each in changed] == [f"price of {model.name}"]
    unmarked = replace(pinned, caching=())
    assert list_changed_models({name: unmarked}, {name: model}, day, None) == []


def test_a_round_of_many_conditions_takes_longer_than_five_minutes_but_not_an_hour(plan):
    """Each text comes up once a round; `max_tokens` bounds how long that takes."""
    levels = {f"l{n}": {"how": f"number {n}"} for n in range(100)}
    tiers = {name: {"tier": name} for name in ("free", "paid")}
    system = "{{ tier }}: " + RULES
    changes = {"factors": {"a": levels, "tier": tiers}, "queries": 4}
    long = plan(system, **changes, sampling={"max_tokens": 3000})
    assert {each.mark.keep for each in long.models[CLAUDE].caching} == {"1h"}
    short = plan(system, **changes, sampling={"max_tokens": 100})
    assert {each.mark.keep for each in short.models[CLAUDE].caching} == {"5m"}


@pytest.mark.parametrize("sequential", [None, {"looks": 2}])
def test_in_the_order_of_work_each_prefix_comes_back_within_a_block(write, sequential):
    """No order that keeps conditions balanced brings it back more often."""
    changes = {"samples": 3, "queries": 6, "votes": 1}
    changes |= {} if sequential is None else {"sequential": sequential}
    made = estimate_experiment(write(**changes), lab.DAY, options=EstimateOptions())
    builder = make_request_builder(made.experiment, made.plan.models, repeats={})
    last, gaps = {}, []
    for place, request in enumerate(builder.in_work_order("any")):
        gaps.append(place - last.get(request.mark.key, place))
        last[request.mark.key] = place
    assert (len(last), len(gaps)) == (2, 4 * 6 * 3)
    assert max(gaps) <= len(builder.cells)
