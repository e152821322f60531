"""A pilot's queries are drawn for each model and condition by itself, and by the plan alone."""

from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estimator.workload.model_resolution import resolve_models
from experiment.definition.loader import load_experiment
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from runner.pilot.draw import draw_queries
from tests.runner import sample_experiment
from tests.runner.sample_experiment import DAY, MODEL, STEADY, Lab

OTHER = "my-lab/llama-3.1-70b"
QUERIES = 12


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("draw")
    path = sample_experiment.write(folder, queries=QUERIES, models=[MODEL, OTHER], samples=2)
    price = {"input": "1", "output": "1"}
    (folder / "afcost.prices.yaml").write_text(
        yaml.safe_dump({"prices": dict.fromkeys((MODEL, OTHER), price)})
    )
    experiment = load_experiment(str(path))
    models = resolve_models(experiment, PriceBook(DAY, read_user_prices([folder])))
    return Lab(experiment, models).requests


@STEADY
@given(seed=st.text(min_size=1, max_size=8), asked=st.integers(1, QUERIES))
def test_each_stratum_has_the_same_number_of_different_queries_one_sample_of_each(
    requests, seed, asked
):
    draw = draw_queries(requests, seed)
    subjects = [requests.request_at(seed, place) for place in draw.list_places(0, asked)]
    assert len({each.id for each in subjects}) == len(subjects)
    assert {each.sample for each in subjects} == {0}
    of_each = Counter((each.model, each.condition) for each in subjects)
    assert set(of_each.values()) == {asked}
    assert len(of_each) == len(requests.cells)
    different = {(each.model, each.condition, each.query) for each in subjects}
    assert len(different) == len(subjects)


@STEADY
@given(seed=st.text(min_size=1, max_size=8), first=st.integers(1, QUERIES - 1))
def test_a_block_goes_on_where_the_one_before_ended_and_breadth_first(requests, seed, first):
    draw, cells = draw_queries(requests, seed), len(requests.cells)
    whole = draw.list_places(0, QUERIES)
    assert draw.list_places(0, first) + draw.list_places(first, QUERIES) == whole
    assert draw_queries(requests, seed) == draw
    for begin in range(0, len(whole), cells):
        assert [place % cells for place in whole[begin : begin + cells]] == list(range(cells))


def test_two_strata_are_as_likely_to_draw_a_query_together_as_by_chance(requests):
    """Of two draws of 3 of 12 queries, 3 x 3 / 12 are in both, on average."""
    seeds, together = 2_000, 0
    for seed in range(seeds):
        one, other = draw_queries(requests, str(seed)).orders[:2]
        together += len(set(one[:3]) & set(other[:3]))
    assert together / seeds == pytest.approx(0.75, abs=0.06)  # four standard errors


def test_each_query_is_as_likely_as_any_other(requests):
    seeds = 2_400
    drawn = Counter(
        turn for seed in range(seeds) for turn in draw_queries(requests, str(seed)).orders[0][:3]
    )
    assert set(drawn) == set(range(QUERIES))
    assert all(abs(count - seeds / 4) < 100 for count in drawn.values())  # 21 is one deviation
