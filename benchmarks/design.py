"""Are gaps found as often as `afcost design` promises, and are budgets kept?

    python benchmarks/design.py [--runs 4000] [--processes 2] [--seed 16]

Each cell draws that many studies of queries x samples whose gap is as large as promised, and tests
them as a report does: 80 % are to be found. Then a budget of $50 is planned by the prior, the costs
of studies are drawn by the same prior, and 5 % of them are to cost more where there is no cap; with
one, none may.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from estimator.design import Question, Row, Wish, design_study
from estimator.plan import estimate_experiment
from tests.estimator.design.simulated_designs import (
    DAY,
    Population,
    draw_bills,
    find_power,
    find_power_of_these,
    find_worst,
    spend_up_to,
    write_experiment,
)

BUDGET, MODELS = 50.0, ("claude-sonnet-4.5", "gpt-4.1")
POPULATIONS = {
    "half of the variance between queries": Population(),
    "ICC 0.7, closely correlated": Population(icc=0.7, copula=0.9),
    "rates of 0.4": Population(rate=0.4, icc=0.6, copula=0.8),
}
LIKE = [(30, 1), (30, 5), (60, 1), (60, 3), (100, 1), (100, 5), (300, 1)]
THESE = [(30, 3), (30, 5), (60, 3), (100, 3), (100, 5), (300, 3)]


def measure_power(cell: tuple[str, str, int, int, int, int]) -> float:
    """Return the power of a cell."""
    name, target, queries, samples, runs, seed = cell
    find = find_power if target == "like" else find_power_of_these
    return find(POPULATIONS[name], queries, samples, runs, seed)


def measure_spending(row: Row, source: str, runs: int, seed: int) -> tuple[float, float, float]:
    """Return how often a budget is overspent without a cap, the mean, and the most with one."""
    design = row.like_these
    if design is None:
        raise ValueError("the budget pays for no design")
    worst = find_worst(estimate_experiment(source, DAY))
    free, capped = [], []
    for bills in draw_bills(source, row.choice, design, runs, seed):
        free.append(float(bills.sum()))
        capped.append(spend_up_to(bills, BUDGET, worst))
    return sum(each > BUDGET for each in free) / runs, sum(free) / runs, max(capped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=4_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=16)
    given = parser.parse_args()
    cells = [
        (name, target, *size, given.runs, given.seed)
        for name in POPULATIONS
        for target, sizes in (("like", LIKE), ("these", THESE))
        for size in sizes
    ]
    print(f"{'queries':38} {'target':6} {'design':>8} {'power':>6}")
    with ProcessPoolExecutor(given.processes) as pool:
        for cell, power in zip(cells, pool.map(measure_power, cells), strict=True):
            name, target, queries, samples, *_ = cell
            print(f"{name:38} {target:6} {f'{queries} x {samples}':>8} {power:6.3f}", flush=True)
    error = 2 * math.sqrt(0.8 * 0.2 / given.runs)
    print(f"{given.runs:,} runs each; +- {error:.3f} of 0.8\n")
    print(f"{'model':20} {'reasoning':12} {'design':>10} {'over $50':>8} {'mean':>7} {'most':>7}")
    for model in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            source = write_experiment(Path(folder), model)
            found = design_study(source, DAY, Question(Wish(budget=BUDGET)))
            for row in (each for each in found.rows if each.queries is None):
                over, mean, most = measure_spending(row, source, given.runs, given.seed)
                size = f"{row.like_these.queries:,} x {row.like_these.samples}"  # type: ignore[union-attr]
                cell = "+".join(row.choice.within)
                print(f"{model:20} {cell:12} {size:>10} {over:8.1%} {mean:7.2f} {most:7.2f}")


if __name__ == "__main__":
    main()
