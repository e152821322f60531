"""How often a sequential test finds a gap where there is none, and what it saves where one is.

    python benchmarks/sequential.py [--studies 4000] [--processes 2] [--seed 16]

Each row is a study of two conditions with five looks. Queries have beta distributed chances that
are alike at both levels; answers are drawn, and the project's own looks are taken at them. `shown`
is how often a look shows the gap: where there is none, that is the type I error. `naive` is how
often a plain test at 5 % would have been significant at one of the five looks, and `spent` which
share of the queries is asked on average. `joined` is the correlation of the copula that joins a
query's chances at the two levels: at 0.6 the gaps of queries have a variance of 0.11, at 0.865 of
0.05, so that one answer to each shows more. `+-` is two standard errors of `shown`; small studies
without a gap are drawn five times as often: 4,000 leave an error of 5 % uncertain by 0.7 points.
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.experiment.analysis.sequential.simulated_looks import JOINED, Found, run_studies

STUDIES, SEED, PART = 4_000, 16, 250  # studies of a row that one process draws at a time
LIMIT = 0.055  # of the type I error
CLOSE = 0.865  # how levels are joined where the gaps of queries have a variance of 0.05


class Row(NamedTuple):
    """A study: queries, samples of each, the lower rate, the true gap, how levels are joined."""

    queries: int
    samples: int
    rate: float
    gap: float
    joined: float = JOINED


SIZES = ((50, 1), (50, 5), (100, 1), (100, 5), (300, 1), (300, 5))
ROWS = (
    *(Row(n, samples, 0.25, 0.0) for n, samples in SIZES[:-1]),
    *(Row(n, 1, 0.20, 0.10, joined) for joined in (JOINED, CLOSE) for n in (100, 300)),
    *(Row(n, samples, 0.03, 0.0) for n, samples in SIZES[:-1]),
    *(Row(300, 5, rate, 0.0) for rate in (0.25, 0.03)),  # the slowest come last
)
SMALL, MORE = 250, 5  # answers of a level, up to which a study is drawn so much more often


def run_row(pool: ProcessPoolExecutor, row: Row, studies: int, seed: int) -> Found:
    """Run the studies of a row, in parts, and return the shares of all of them."""
    parts = max(studies // PART, 1)
    draw = partial(_run_part, row, min(studies, PART))
    found = list(pool.map(draw, range(seed * 1_000, seed * 1_000 + parts)))
    return Found(*(math.fsum(column) / parts for column in zip(*found, strict=True)))


def _run_part(row: Row, studies: int, seed: int) -> Found:
    return run_studies(
        n=row.queries,
        samples=row.samples,
        gap=row.gap,
        rate=row.rate,
        joined=row.joined,
        studies=studies,
        seed=seed,
    )


def main() -> int:
    """Print the table; return 1 where a type I error is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    is_wrong = False
    widths = {"queries": 7, "samples": 7, "rates": 12, "joined": 6, "studies": 7}
    widths |= {"shown": 7, "+-": 6, "naive": 6, "spent": 6}
    print(" ".join(f"{name:>{width}}" for name, width in widths.items()))
    with ProcessPoolExecutor(given.processes) as pool:
        for row in ROWS:
            is_small = row.queries * row.samples <= SMALL and row.rate == ROWS[0].rate
            studies = given.studies * (MORE if is_small else 1)
            found = run_row(pool, row, studies, given.seed)
            error = 2 * math.sqrt(found.stops * (1 - found.stops) / studies)
            rates = f"{row.rate + row.gap:.2f} v {row.rate:.2f}"
            beyond = not row.gap and found.stops > LIMIT
            is_wrong = is_wrong or beyond
            print(
                f"{row.queries:7} {row.samples:7} {rates:>12} {row.joined:6.3f} {studies:7,} "
                f"{found.stops:7.4f} {error:6.4f} {found.naive:6.3f} {found.spent:6.3f}"
                + (f"  above {LIMIT}" * beyond),
                flush=True,
            )
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
