"""The cheapest ways that are done by a time, and the hours at which a run costs least."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from estimator.plan import EstimateOptions, estimate_experiment
from estimator.processing import (
    NotInTime,
    Way,
    choose_ways,
    find_later_start,
    find_way,
    list_ways,
)
from estimator.wall_time import find_plan_time
from experiment.definition import Overrides

SATURDAY = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = 3600.0
MODELS = "[claude-sonnet-4.5, gpt-5, {name: deepinfra/llama-3.3-70b, batch: no}]"


@pytest.fixture
def estimate(tmp_path):
    """Return a function that estimates an experiment of some models, judged by gpt-4o-mini."""

    def make(models=MODELS, overrides=Overrides(), queries=40, *, shared=""):
        (tmp_path / "q.txt").write_text("".join(f"question {n}\n" for n in range(queries)))
        path = tmp_path / "experiment.yaml"
        path.write_text(
            f"name: n\nmodels: {models}\nqueries: {{file: q.txt}}\n"
            "sampling: {max_tokens: 900}\n"
            f"messages: [{shared}{{role: user, content: '{{{{ query }}}}'}}]\n"
            "judges:\n- name: j\n  model: gpt-4o-mini\n  sampling: {max_tokens: 90}\n"
            "  messages: [{role: user, content: 'J {{ output }}'}]\n"
        )
        options = EstimateOptions(use_cache=False)
        return estimate_experiment(str(path), SATURDAY.date(), overrides, options)

    return make


def offers(found, allowed=frozenset(Way)):
    plan = found.plan
    return list_ways(
        found.experiment, plan.models, plan.strata, found.book, found.run_date, allowed
    )


def choose(found, hours: float):
    plan = found.plan

    def find_time(models):
        return find_plan_time(plan.strata, models, 10)

    return choose_ways(plan.models, offers(found), find_time, hours * HOUR)


def test_ways_are_those_with_a_known_price_and_what_the_file_says_stays(estimate) -> None:
    ways = {name: {each.way for each in own} for name, own in offers(estimate()).items()}
    assert ways == {
        "claude-sonnet-4.5": {Way.CALLS, Way.BATCH},
        "gpt-5": {Way.CALLS, Way.FLEX, Way.BATCH},
        "deepinfra/llama-3.3-70b": {Way.CALLS},
        "gpt-4o-mini": {Way.CALLS, Way.BATCH},
    }
    without = offers(estimate(), frozenset({Way.CALLS, Way.BATCH}))
    assert Way.FLEX not in {each.way for each in without["gpt-5"]}
    cheapest, *others = offers(estimate())["gpt-5"]
    assert cheapest.way is Way.FLEX  # costs what a batch does, and is sooner there
    assert cheapest.cost == pytest.approx(max(each.cost for each in others) / 2)


def test_calls_that_read_a_cache_may_cost_less_than_a_batch(estimate) -> None:
    shared = f"{{role: system, content: '{'few words ' * 20_000}'}}, "
    plain, cached = (
        offers(estimate("[claude-sonnet-4.5]\ncache: " + cache, shared=shared))["claude-sonnet-4.5"]
        for cache in ("off", "auto")
    )
    assert [each.way for each in plain] == [Way.BATCH, Way.CALLS]
    assert [each.way for each in cached] == [Way.CALLS, Way.BATCH]
    assert cached[1].cost == pytest.approx(plain[0].cost)
    assert cached[0].cost < plain[1].cost / 4


def test_more_time_costs_less(estimate) -> None:
    found = estimate()
    chosen = {hours: choose(found, hours) for hours in (1.5, 12, 72)}
    ways = {
        hours: {name: each.way.value for name, each in one.ways.items()}
        for hours, one in chosen.items()
    }
    assert set(ways[1.5].values()) == {"calls", "flex"}
    assert ways[12]["claude-sonnet-4.5"] == "batch"
    assert ways[12]["gpt-4o-mini"] == "calls"  # its provider's batches would end too late
    assert ways[72]["gpt-4o-mini"] == "batch"
    costs = [each.cost for each in chosen.values()]
    assert costs == sorted(costs, reverse=True)
    for hours, each in chosen.items():
        assert each.time.wall.high <= hours * HOUR


def test_what_cannot_be_done_says_how_long_it_takes(estimate) -> None:
    with pytest.raises(NotInTime) as told:
        choose(estimate(), 1 / 60)
    assert 60 < told.value.fastest < 2 * HOUR


def test_chosen_ways_are_planned_and_what_is_sent_says_flex(estimate) -> None:
    ways = ("claude-sonnet-4.5=batch", "gpt-5=flex", "gpt-4o-mini=calls")
    found = estimate(overrides=Overrides(ways=ways))
    planned = {name: find_way(model).value for name, model in found.plan.models.items()}
    assert planned == dict(each.split("=") for each in ways) | {"deepinfra/llama-3.3-70b": "calls"}
    sent = {use.model: use.fields for use in found.sent}
    assert sent["gpt-5"]["service_tier"] == "flex"
    assert "processing" not in sent["claude-sonnet-4.5"]


def test_models_with_the_same_choice_go_together_where_there_are_many(estimate) -> None:
    found = estimate()
    (claude,) = (each for name, each in found.plan.models.items() if name.startswith("claude"))
    own = offers(found)["claude-sonnet-4.5"]
    many = {
        f"m{number}": [replace(each, model=f"m{number}") for each in own] for number in range(14)
    }
    models = dict.fromkeys(many, claude)
    timed = []

    def find_time(asked):
        timed.append({find_way(each) for each in asked.values()})

    chosen = choose_ways(models, many, find_time, HOUR)
    assert {each.way for each in chosen.ways.values()} == {Way.BATCH}
    assert timed == [{Way.BATCH}]


DEEPSEEK = "[deepseek/deepseek-v4-pro]"
PEAK = datetime(2026, 11, 30, 1, 30, tzinfo=UTC)  # a Monday, in hours that cost double


@pytest.mark.parametrize(
    ("now", "hours", "begins"),
    [
        (PEAK, 12, datetime(2026, 11, 30, 4, tzinfo=UTC)),
        (PEAK, 3, None),  # it would not be done
        (SATURDAY, 12, None),  # no hour is cheaper
        (PEAK + timedelta(hours=5), 12, datetime(2026, 11, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_run_begins_at_the_cheapest_hour_that_is_early_enough(
    estimate, now, hours, begins
) -> None:
    plan = estimate(DEEPSEEK).plan
    by = now + timedelta(hours=hours)
    later = find_later_start(plan.strata, plan.models, now, by, HOUR)
    assert (later and later.at) == begins
    if later:
        assert later.cost < 0.7 * later.now  # the judge costs what it does at any hour
