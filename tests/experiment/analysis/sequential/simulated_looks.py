"""Simulated studies with a sequential test: answers are drawn, and the project's own looks taken.

Queries have beta distributed chances, and a gaussian copula joins those at the two levels, so that
answers to a query are alike, and so are its two levels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import beta

from experiment.analysis.observation import Observation
from experiment.analysis.sequential import SequentialDesign, take_looks
from experiment.definition.schema import ExperimentSpec
from experiment.scoring import AnswerKind

MODEL, TIERS = "m", ("free", "paid")
_ICC, JOINED, _PLAIN = 0.6, 0.6, 0.05
_SPEC: dict[str, Any] = {
    "name": "simulated",
    "models": [MODEL],
    "queries": {"file": "q.txt"},
    "messages": [{"role": "user", "content": "x"}],
    "sampling": {"max_tokens": 1},
    "factors": {"tier": {tier: {} for tier in TIERS}},
    "sequential": {"looks": 5},
}


class Found(NamedTuple):
    """Shares of all studies.

    Attributes:
        stops: in which a look showed the gap, the last one among them.
        naive: in which a plain test at 5 % would have done so at any look.
        spent: of the queries that were asked on average.
    """

    stops: float
    naive: float
    spent: float


def run_studies(
    *,
    n: int,
    samples: int,
    gap: float,
    studies: int,
    seed: int,
    rate: float = 0.25,
    joined: float = JOINED,
) -> Found:
    """Run studies until a look shows the gap, or to the end.

    Args:
        n: queries.
        samples: of each at each level.
        gap: the true one.
        studies: how many.
        seed: of all that is drawn.
        rate: at the level with less.
        joined: the correlation of the copula: the nearer to 1, the less do gaps of queries differ.
    """
    rng, spec = np.random.default_rng(seed), ExperimentSpec.model_validate(_SPEC)
    design = SequentialDesign.of_experiment(spec, n)
    assert design is not None
    rates = (rate + gap, rate)
    ends = [_run_study(rng, spec, design, samples, rates, joined) for _ in range(studies)]
    stops, naive, spent = (float(np.mean(column)) for column in zip(*ends, strict=True))
    return Found(stops, naive, spent)


def _run_study(
    rng: np.random.Generator,
    spec: ExperimentSpec,
    design: SequentialDesign,
    samples: int,
    rates: tuple[float, float],
    joined: float,
) -> tuple[bool, bool, float]:
    """Return whether a look showed the gap, whether a plain test did, and the share spent."""
    seen = _draw(rng, design.queries, samples, rates, joined)
    has_shown, is_naive, spent = False, False, 1.0
    for number, place in enumerate(design.places, 1):
        so_far = [each for each in seen if each.query < place]
        (look,) = take_looks(spec, so_far, design, number, (MODEL,))
        if look.is_shown and not has_shown:
            has_shown, spent = True, place / design.queries
        is_naive = is_naive or _is_plainly_significant(look.t, look.pairs)
    return has_shown, is_naive, spent


def _is_plainly_significant(t: float | None, pairs: int) -> bool:
    from scipy.special import stdtr  # noqa: PLC0415 - beside its use

    return t is not None and 2 * float(stdtr(pairs - 1, -abs(t))) < _PLAIN


def _draw(
    rng: np.random.Generator,
    queries: int,
    samples: int,
    rates: tuple[float, float],
    joined: float,
) -> list[Observation]:
    first = rng.standard_normal(queries)
    second = joined * first + np.sqrt(1 - joined**2) * rng.standard_normal(queries)
    weight = 1 / _ICC - 1  # a + b of the beta distribution
    observations = []
    for tier, rate, places in zip(TIERS, rates, (first, second), strict=True):
        chances = beta.ppf(ndtr(places), rate * weight, (1 - rate) * weight)
        complied = rng.random((queries, samples)) < chances[:, None]
        observations += [
            Observation(MODEL, {"tier": tier}, query, sample, AnswerKind.TEXT, bool(each))
            for query, row in enumerate(complied)
            for sample, each in enumerate(row)
        ]
    return observations
