"""Output lengths to forecast: billed ones of many models, or simulated ones of known spread."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median_high

import numpy as np
from numpy.typing import NDArray

from estimator.forecast.measured_calls import MeasuredCalls, TokenPrices
from estimator.forecast.pooling import LengthShape

ANSWER = LengthShape(cv_squared=1.2, query_share=0.75)
SCRATCHPAD = LengthShape(cv_squared=0.7, query_share=0.5)
PRICES = TokenPrices(input=2e-6, output=10e-6)
UNLIMITED = 10**9
SAMPLES = 3


@dataclass(frozen=True)
class Lengths:
    """Output tokens of every call of several strata, all with the same queries.

    Attributes:
        tokens: shape (strata, queries, samples).
        names: of the strata.
        shape: of their kind of answer.
    """

    tokens: NDArray[np.int64]
    names: tuple[str, ...]
    shape: LengthShape = ANSWER

    def choose(self, strata: NDArray[np.int64], samples: int, rng: np.random.Generator) -> Lengths:
        """Return some of the strata, with fewer samples of each query, drawn by chance."""
        tokens = self.tokens[strata]
        order = rng.permuted(np.broadcast_to(np.arange(tokens.shape[2]), tokens.shape), axis=2)
        kept = np.take_along_axis(tokens, order, axis=2)[:, :, :samples]
        return Lengths(kept, tuple(self.names[each] for each in strata), self.shape)


def read_lengths(path: Path, *, all_queries: bool = False) -> Lengths:
    """Read a table of output tokens: of all models, with the queries that all of them answered.

    Args:
        path: a csv, gzipped or not, with the columns model, prompt, sample and out_tok.
        all_queries: take the models instead that answered most queries, with all of these.
    """
    found: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if float(row["out_tok"] or 0) > 0:
                found[row["model"]][row["prompt"], int(row["sample"])] = int(float(row["out_tok"]))
    whole = {model: _list_whole(calls) for model, calls in found.items()}
    if all_queries:
        usual = median_high(len(queries) for queries in whole.values())
        whole = {model: queries for model, queries in whole.items() if len(queries) >= usual}
    queries = sorted(set.intersection(*whole.values()))
    tokens = [[[found[m][q, s] for s in range(SAMPLES)] for q in queries] for m in whole]
    return Lengths(np.array(tokens), tuple(whole))


def _list_whole(calls: Mapping[tuple[str, int], int]) -> set[str]:
    """Return the queries with all of their samples."""
    return {query for query, _ in calls if all((query, s) in calls for s in range(SAMPLES))}


def simulate_lengths(
    rng: np.random.Generator,
    *,
    strata: int,
    queries: int = 49,
    shape: LengthShape = ANSWER,
    correlation: float = 0.5,
) -> Lengths:
    """Draw lengths that are lognormal, of strata whose query means are correlated.

    Args:
        rng: where chance comes from.
        strata, queries: how many.
        shape: of a call.
        correlation: between strata, of the logarithms of a query's means.
    """
    variance = np.log1p(shape.cv_squared)
    common = rng.normal(size=(1, queries, 1))
    own = rng.normal(size=(strata, queries, 1))
    of_query = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    of_call = rng.normal(size=(strata, queries, SAMPLES))
    rho = shape.query_share
    logs = np.sqrt(variance) * (np.sqrt(rho) * of_query + np.sqrt(1 - rho) * of_call)
    means = rng.lognormal(6, 0.6, size=(strata, 1, 1))
    tokens = np.maximum(np.rint(means * np.exp(logs)), 1).astype(np.int64)
    return Lengths(tokens, tuple(f"model-{number}" for number in range(strata)), shape)


def list_calls(
    queries: NDArray[np.int64], tokens: NDArray[np.int64], basis: str = "pilot"
) -> MeasuredCalls:
    """Return calls of a stratum as they were billed."""
    size = len(tokens)
    return MeasuredCalls(
        queries=queries,
        output=tokens,
        answer_input=np.zeros(size),
        limits=np.zeros(size, dtype=np.int64),
        is_cut=np.zeros(size, dtype=bool),
        basis=basis,
        source="a trial",
    )
