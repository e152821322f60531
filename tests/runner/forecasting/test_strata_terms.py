"""What the calls of a stratum are counted and priced by is as the plan and its experiment say."""

from dataclasses import replace

import pytest

from estimator.forecast import LengthShape, TokenPrices
from estimator.plan.planner import estimate_experiment
from runner.forecasting import find_terms
from tests.runner import sample_experiment
from tests.runner.sample_experiment import DAY


@pytest.fixture(scope="module")
def estimate(tmp_path_factory):
    path = sample_experiment.write(tmp_path_factory.mktemp("terms"), queries=4, votes=3)
    return estimate_experiment(str(path), DAY)


def test_each_stratum_is_priced_by_the_plan_and_limited_by_its_own_max_tokens(estimate):
    terms = find_terms(estimate.plan, estimate.experiment.spec)
    assert terms.keys() == {stratum.key for stratum in estimate.plan.strata}
    for key, term in terms.items():
        assert term.max_tokens == (24 if key.stage == "subject" else 8)
        assert term.prices == TokenPrices(0.40 / 1e6, 0.80 / 1e6)
        assert term.samples == (1 if key.stage == "subject" else 3)
    judges = {term.shape for key, term in terms.items() if key.stage != "subject"}
    assert judges == {LengthShape(0.1, 0.75)}


def test_an_answer_may_be_as_long_as_all_of_its_turns(tmp_path):
    answer = {"output": "out", "turns": 3}
    path = sample_experiment.write(tmp_path / "turns", queries=4, answer=answer)
    estimate = estimate_experiment(str(path), DAY)
    terms = find_terms(estimate.plan, estimate.experiment.spec)
    limits = {(key.stage == "subject", term.max_tokens) for key, term in terms.items()}
    assert limits == {(True, 3 * 24), (False, 8)}


def test_the_average_prompt_is_that_of_the_requests_that_are_expected(estimate):
    judge = next(each for each in estimate.plan.strata if each.stage != "subject")
    stratum = replace(judge, expected=50.0, input_tokens=5_000)
    assert stratum.average_prompt == 100
    assert replace(stratum, expected=0.0).average_prompt == 0
