"""How often the interval around a gap covers the true one, and how often a gap is found in none.

    python benchmarks/coverage.py [--analyses 5000] [--processes 2] [--rows WORD] [--seed 15]

Each row is a study whose truth is known: compliance of 0.20 and 0.35 in two tiers, 100 queries
with 3 samples each, 10 % missing at random, unless it says otherwise. It is drawn and analysed
5,000 times by the functions that make a report. `bias` is the mean of the estimates minus the
truth, in percentage points, `covers` how often the 95 % interval holds the truth, `finds` how often
p is below 0.05: where the true gap is 0, that is the type I error. `+-` is two standard errors of a
share of 95 %, and of 5 %. A row that is left out of a target says so.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiment.analysis import Observation, analyse_compliance
from experiment.definition import ExperimentSpec
from tests.experiment.analysis.simulated_study import SimulatedStudy

SEED, ANALYSES = 15, 5_000


class Found(NamedTuple):
    """What one analysis found."""

    estimate: float
    low: float
    high: float
    p: float


def find_gap(spec: ExperimentSpec, observations: Sequence[Observation]) -> Found:
    """Find the gap as the report does, over all cells."""
    analysis = analyse_compliance(spec, observations)
    (comparison,) = analysis.subtotals or analysis.comparisons
    gap = comparison.gap
    if gap is None or gap.estimate is None or gap.low is None or gap.high is None or gap.p is None:
        raise ValueError("these studies have many queries at both levels")
    return Found(gap.estimate, gap.low, gap.high, gap.p)


@dataclass(frozen=True)
class Row:
    """A study, the gap that its analysis is to find, and how it is found."""

    name: str
    study: SimulatedStudy
    truth: float
    find: Callable[[ExperimentSpec, Sequence[Observation]], Found] = find_gap


class Result(NamedTuple):
    """What the analyses of a row came to."""

    name: str
    truth: float
    bias: float
    covers: float
    finds: float
    seconds: float


def _row(name: str, *, truth: float | None = None, **changes: object) -> Row:
    study = SimulatedStudy(**changes)  # type: ignore[arg-type]
    return Row(name, study, study.judged_gap if truth is None else truth)


NONE = (0.25, 0.25)
ERRS = {"sensitivity": 0.85, "specificity": 0.9}
ROWS = [
    _row("a judge without errors"),
    _row("queries differ (correlation 0.3)", correlation=0.3),
    _row("a judge that errs: the gap in its verdicts", **ERRS),
    _row("a judge that errs: the true gap (no target)", truth=-0.15, **ERRS),
    _row("no gap", rates=NONE),
    _row("no gap, queries differ", rates=NONE, correlation=0.3),
    _row("no gap, a judge that errs", rates=NONE, correlation=0.3, **ERRS),
    _row("one sample", samples=1),
    _row("no gap, one sample", rates=NONE, samples=1),
    _row("30 queries", queries=30),
    _row("two ways of reasoning, the model's subtotal", styles=2, correlation=0.3),
    _row("no gap, two ways, the model's subtotal", rates=NONE, styles=2, correlation=0.3),
    _row("accepted, and 10 % of the rest", rest=0.1),
    _row("no gap, accepted, 10 % of the rest (no target)", rates=NONE, rest=0.1),
    _row("rare: 1 % and 3 % (no target)", rates=(0.01, 0.03)),
    _row("no gap, rare: 1 % (no target)", rates=(0.01, 0.01)),
]


def measure(row: Row, analyses: int, seed: int) -> Result:
    """Draw and analyse a row's study many times."""
    began, spec, own = time.perf_counter(), row.study.spec, zlib.crc32(row.name.encode())
    found = [
        row.find(spec, row.study.draw(np.random.default_rng([seed, own, number])))
        for number in range(analyses)
    ]
    return Result(
        row.name,
        row.truth,
        bias=fmean(each.estimate for each in found) - row.truth,
        covers=fmean(each.low <= row.truth <= each.high for each in found),
        finds=fmean(each.p < 0.05 for each in found),
        seconds=time.perf_counter() - began,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--analyses", type=int, default=ANALYSES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", default="", help="only rows with this in their name")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    rows = [row for row in ROWS if given.rows in row.name]
    print(f"{'study':45} {'truth':>7} {'bias':>7} {'covers':>7} {'finds':>7}   {'time':>5}")
    with ProcessPoolExecutor(given.processes) as pool:
        number = len(rows)
        for found in pool.map(measure, rows, [given.analyses] * number, [given.seed] * number):
            print(
                f"{found.name:45} {found.truth * 100:+7.2f} {found.bias * 100:+7.2f} "
                f"{found.covers:7.1%} {found.finds:7.1%}   {found.seconds:4.0f}s",
                flush=True,
            )
    of_95, of_5 = (2 * math.sqrt(share * (1 - share) / given.analyses) for share in (0.95, 0.05))
    print(f"{given.analyses:,} analyses each; +- {of_95:.1%} of 95 %, {of_5:.1%} of 5 %")


if __name__ == "__main__":
    main()
