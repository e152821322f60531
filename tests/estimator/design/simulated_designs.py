"""Designs whose truth is known: are gaps found as often as promised, and are budgets kept?

Queries have rates of their own under two conditions: beta distributed, and correlated by a normal
copula. Answers are drawn by these rates and tested as in a report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import beta

from estimator.design import Choice, Design, GapVariance, find_detectable_gap
from estimator.forecast import OutputLength, forecast_output_lengths
from estimator.plan import Estimate, estimate_experiment
from experiment.analysis.mean_estimate import MeanPart, estimate_fixed_mean, estimate_mean
from experiment.definition import Target

Floats = NDArray[np.float64]
DAY = date(2026, 11, 21)
_LARGE = 50_000  # queries, by which a population's variances are found


@dataclass(frozen=True)
class Population:
    """Queries among which those of a study are drawn.

    Attributes:
        rate: of the second condition.
        icc: the share of a condition's variance that lies between queries.
        copula: the correlation of the normal variables behind the two rates.
    """

    rate: float = 0.2
    icc: float = 0.5
    copula: float = 0.7

    def draw(self, rng: np.random.Generator, queries: int, gap: float) -> Floats:
        """Return the rates of queries under both conditions, of shape (2, queries)."""
        normal = rng.standard_normal((2, queries))
        normal[1] = self.copula * normal[0] + math.sqrt(1 - self.copula**2) * normal[1]
        weight = 1 / self.icc - 1
        means = np.array([[self.rate + gap], [self.rate]])
        return np.asarray(beta.ppf(ndtr(normal), means * weight, (1 - means) * weight))

    def find_variance(self, gap: float) -> GapVariance:
        """Return how its answers vary where the conditions differ by a gap."""
        return describe_rates(self.draw(np.random.default_rng(1), _LARGE, gap))

    def find_promised(self, queries: int, samples: int) -> float:
        """Return the gap that a design promises to find, where the true one is as large."""
        gap = 0.1
        for _ in range(6):
            variance = self.find_variance(gap)
            gap = find_detectable_gap(variance, queries, (samples, samples), Target.LIKE_THESE)
        return gap


def describe_rates(rates: Floats) -> GapVariance:
    """Return how answers by these rates vary."""
    first, second = (float(np.mean(side * (1 - side))) for side in rates)
    return GapVariance(float(np.var(rates[0] - rates[1])), (first, second))


def find_power(population: Population, queries: int, samples: int, runs: int, seed: int) -> float:
    """Return how often a gap of queries like these is found where it is as large as promised."""
    rng = np.random.default_rng([seed, queries, samples])
    gap = population.find_promised(queries, samples)
    found = 0
    for _ in range(runs):
        rates = population.draw(rng, queries, gap)
        means = rng.binomial(samples, rates) / samples
        tested = estimate_mean((means[0] - means[1]).tolist())
        found += tested is not None and tested.p < 0.05
    return found / runs


def find_power_of_these(
    population: Population, queries: int, samples: int, runs: int, seed: int, sets: int = 20
) -> float:
    """Return how often a gap of these queries is found where it is as large as promised.

    The queries are drawn several times, and then asked again and again.
    """
    rng = np.random.default_rng([seed, queries, samples])
    found = 0
    for _ in range(sets):
        rates = _fix_gap(population.draw(rng, queries, 0.1), samples)
        for _ in range(runs // sets):
            found += _is_found(rng.binomial(samples, rates), samples)
    return found / (runs // sets * sets)


def _fix_gap(rates: Floats, samples: int) -> Floats:
    """Return rates whose mean difference is the gap that is promised for them."""
    for _ in range(30):
        variance, queries = describe_rates(rates), rates.shape[1]
        gap = find_detectable_gap(variance, queries, (samples, samples), Target.THESE)
        off = gap - float(np.mean(rates[0] - rates[1]))
        rates = np.array([np.clip(rates[0] + off, 0, 1), rates[1]])
    return rates


def _is_found(yes: NDArray[np.int64], samples: int) -> bool:
    queries = yes.shape[1]
    means = yes / samples
    variances = means * (1 - means) * samples / (samples - 1)
    parts = [MeanPart(1 / queries, float(each), samples) for each in variances.ravel()]
    return estimate_fixed_mean(float(np.mean(means[0] - means[1])), parts).p < 0.05


EXPERIMENT = """\
name: simulated
models: [{model}]
factors:
  tier: {{free: {{who: free}}, paid: {{who: paid}}}}
  reasoning: {{cot: {{how: think}}, no-cot: {{how: answer}}}}
compare: tier
queries: {{file: q.txt}}
messages: [{{role: user, content: "{{{{ who }}}} {{{{ how }}}} {{{{ query }}}}"}}]
sampling: {{max_tokens: 4096}}
expect: {{cot: scratchpad, no-cot: answer}}
"""


def write_experiment(folder: Path, model: str) -> str:
    """Write an experiment without judges, and return its path."""
    (folder / "q.txt").write_text("".join(f"What is {n}?\n" for n in range(60)))
    (folder / "e.yaml").write_text(EXPERIMENT.format(model=model))
    return str(folder / "e.yaml")


def draw_bills(
    source: str, choice: Choice, design: Design, runs: int, seed: int
) -> Iterator[Floats]:
    """Yield what each job of a design costs in US dollars, drawn by the prior; shape (jobs,).

    The prior errs in the same direction in all cells. Lengths are lognormal around their mean.
    """
    estimate = estimate_experiment(source, DAY)
    lengths = forecast_output_lengths(estimate.experiment, estimate.plan.models)
    asked = [s for s in estimate.plan.strata if s.condition.partition("/")[2] in choice.within]
    rng, calls = np.random.default_rng(seed), design.queries * design.samples
    for _ in range(runs):
        place = float(rng.random())
        cells = [
            _draw_calls(rng, lengths[stratum.key], place, calls)
            * float(estimate.plan.models[stratum.model].card.output.price_at(0))
            + stratum.input_tokens
            / stratum.requests
            * float(estimate.plan.models[stratum.model].card.input.price_at(0))
            for stratum in asked
        ]
        yield np.stack(cells).ravel(order="F") / 1e6


def _draw_calls(rng: np.random.Generator, length: OutputLength, place: float, calls: int) -> Floats:
    mean, sigma = length.quantile(place), math.sqrt(math.log1p(length.cv_squared))
    drawn = rng.lognormal(math.log(mean) - sigma**2 / 2, sigma, calls)
    return np.minimum(drawn, 4096)


def find_worst(estimate: Estimate) -> float:
    """Return what a job costs at most, in US dollars."""
    return max(each.cost.ceiling.as_float / each.requests for each in estimate.plan.strata)


def spend_up_to(bills: Floats, cap: float, worst: float) -> float:
    """Return what is spent where no job starts whose worst case the cap does not cover."""
    spent = np.concatenate([[0.0], np.cumsum(bills)])
    stopped = np.flatnonzero(cap - spent[:-1] < worst)
    return float(spent[stopped[0]] if stopped.size else spent[-1])
