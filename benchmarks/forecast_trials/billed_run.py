"""A billed run, replayed: pilots of it are drawn, and the rest is forecast from them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_trials.lengths import SCRATCHPAD, UNLIMITED, list_calls
from benchmarks.forecast_trials.pilots import QUANTILES, Ints, Score
from estimator.forecast.measured_calls import TokenPrices, measure_stratum
from estimator.forecast.pooling import PooledCost, pool_costs

PRICES = TokenPrices(input=2e-6, output=12e-6)  # of Gemini 3.1 Pro on the day of the run


@dataclass(frozen=True)
class BilledTier:
    """The calls of a tier, in the order of their queries; arrays of shape (queries,)."""

    prompt: NDArray[np.int64]
    output: NDArray[np.int64]
    billed: NDArray[np.float64]


def read_billed_run(path: Path) -> list[BilledTier]:
    """Read a table with tier, qidx, prompt_tokens, completion_tokens, billed_cost_usd."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["qidx"]))
    tiers = sorted({row["tier"] for row in rows})
    return [_read_tier([row for row in rows if row["tier"] == tier]) for tier in tiers]


def _read_tier(rows: list[dict[str, str]]) -> BilledTier:
    return BilledTier(
        np.array([int(row["prompt_tokens"]) for row in rows]),
        np.array([int(row["completion_tokens"]) for row in rows]),
        np.array([float(row["billed_cost_usd"]) for row in rows]),
    )


def score_replay(
    tiers: list[BilledTier], k: int, *, is_shared: bool, draws: int, seed: int
) -> Score:
    """Return how often the billed total was inside the range that pilots of it gave.

    What the pilots' calls cost is what was billed for them; the prompts of the others are known,
    and priced by the list.
    """
    rng, score = np.random.default_rng([seed, k, is_shared]), Score()
    total = sum(float(tier.billed.sum()) for tier in tiers)
    for _ in range(draws):
        common = rng.permutation(len(tiers[0].output))[:k]
        pilots = [common if is_shared else rng.permutation(len(tier.output))[:k] for tier in tiers]
        found, certain = forecast_rest(tiers, pilots), price_rest(tiers, pilots)
        low, likely, high = (certain + found.quantile(p) for p in QUANTILES)
        score.add(low, likely, high, total)
    return score


def forecast_rest(tiers: Sequence[BilledTier], pilots: Sequence[Ints]) -> PooledCost:
    """Return what the output that pilots have left will cost, from the queries of each."""
    return pool_costs(
        [
            measure_stratum(
                list_calls(chosen, tier.output[chosen]),
                np.ones(len(tier.output)),
                UNLIMITED,
                PRICES,
                SCRATCHPAD,
            )
            for tier, chosen in zip(tiers, pilots, strict=True)
        ]
    )


def price_rest(tiers: Sequence[BilledTier], pilots: Sequence[Ints]) -> float:
    """Return what pilots were billed, with the prompts of the calls that they leave."""
    return sum(
        float(tier.billed[chosen].sum())
        + float(np.delete(tier.prompt, chosen).sum()) * PRICES.input
        for tier, chosen in zip(tiers, pilots, strict=True)
    )
