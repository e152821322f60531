"""How often the corrected gap's interval holds the true gap, and whether the gap is unbiased.

    python benchmarks/coverage_labels.py                  # 5,000 analyses a row; 10 minutes
    python benchmarks/coverage_labels.py --analyses 500

Each analysis draws an experiment of two tiers whose true compliance is known, a judge that errs at
known rates, alike in both tiers, and answers that are missing at random. Some answers are drawn to
be labelled as `afcost label` draws them, and the gap is corrected as `afcost report --labels` does.

`bias` is the mean of the corrected gaps minus the true one, `covers` how often the 95 % interval
holds it; `levels` the same of the two tiers' rates, the worse one; `width` is the interval's.
`none` is how often the labels were too few or too uncertain to correct anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import betaincinv

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiment.analysis.validation.correction import Correction, correct_result
from experiment.analysis.validation.judge_error import measure_errors
from experiment.analysis.validation.label_sample import draw_sample
from experiment.analysis.validation.labels import Truth
from experiment.analysis.validation.ratings import Rating, RatingTable

JUDGE = "judge"


@dataclass(frozen=True)
class Setting:
    """What is simulated: compliance in the free and the paid tier, the judge, the labels."""

    free: float
    paid: float
    labels: int
    sensitivity: float = 0.9
    specificity: float = 0.85
    missing: float = 0.1
    queries: int = 100
    samples: int = 3
    spread: float = 2.0  # the queries' own rates are beta distributed; less is wider apart


@dataclass(frozen=True)
class Outcome:
    """What all analyses of a setting come to."""

    bias: float
    covers: float
    covers_levels: float
    width: float
    none: float


SETTINGS = [
    *(Setting(0.35, 0.20, labels) for labels in (100, 150, 200)),
    *(Setting(0.20, 0.20, labels) for labels in (100, 200)),
    Setting(0.35, 0.20, 50),
    Setting(0.35, 0.20, 150, spread=1000),
    Setting(0.35, 0.20, 150, missing=0),
    Setting(0.35, 0.20, 150, sensitivity=0.98, specificity=0.98),
    Setting(0.35, 0.20, 200, sensitivity=0.75, specificity=0.8),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--analyses", type=int, default=5000)
    given = parser.parse_args()
    print("free  paid  sens  spec  missing  spread  labels     bias  covers  levels  width   none")
    for setting in SETTINGS:
        began = time.perf_counter()
        found = simulate(setting, given.analyses)
        print(
            f"{setting.free:.2f}  {setting.paid:.2f}  {setting.sensitivity:.2f}  "
            f"{setting.specificity:.2f}  {setting.missing:7.0%}  {setting.spread:6g}  "
            f"{setting.labels:6}  {found.bias:+.4f}  {found.covers:.4f}  "
            f"{found.covers_levels:.4f}  {found.width:.3f}  {found.none:.4f}"
            f"   {time.perf_counter() - began:.0f} s",
            flush=True,
        )


def simulate(setting: Setting, analyses: int, seed: int = 0) -> Outcome:
    """Return the bias and the coverage of the corrected gap over many analyses."""
    dice = np.random.default_rng(seed)
    found = [_analyse(setting, dice, number) for number in range(analyses)]
    used = [each for each in found if not each.reason]
    gaps = [each.gaps[0] for each in used]
    true = setting.free - setting.paid
    levels = [
        np.mean([each.rates[at].low <= rate <= each.rates[at].high for each in used])
        for at, rate in enumerate((setting.free, setting.paid))
    ]
    return Outcome(
        bias=float(np.mean([each.estimate for each in gaps])) - true,
        covers=float(np.mean([each.low <= true <= each.high for each in gaps])),
        covers_levels=float(min(levels)),
        width=float(np.mean([each.high - each.low for each in gaps])),
        none=1 - len(used) / analyses,
    )


def _analyse(setting: Setting, dice: np.random.Generator, number: int) -> Correction:
    table, truth = _draw_experiment(setting, dice)
    sample = draw_sample(table, JUDGE, setting.labels, number)
    labels = Truth({request: truth[request] for request in sample.drawn})
    errors = measure_errors(table, [JUDGE], labels, sample)
    (corrected,) = correct_result(table, JUDGE, errors[JUDGE])
    return corrected


def _draw_experiment(
    setting: Setting, dice: np.random.Generator
) -> tuple[RatingTable, dict[str, bool]]:
    """Draw an experiment; a query that complies more than others does so in both tiers."""
    place = dice.random(setting.queries)
    rates = [
        betaincinv(mean * setting.spread, (1 - mean) * setting.spread, place)
        for mean in (setting.free, setting.paid)
    ]
    shape = (2, setting.queries, setting.samples)
    complies = dice.random(shape) < np.array(rates)[:, :, None]
    seen_as = np.where(complies, setting.sensitivity, 1 - setting.specificity)
    values = (dice.random(shape) < seen_as).astype(np.float64).ravel()
    values[dice.random(values.size) < setting.missing] = np.nan
    level, query, _ = (each.ravel() for each in np.indices(shape))
    zeros, requests = np.zeros_like(level), tuple(map(str, range(values.size)))
    rating = Rating(values, np.ones_like(values), values, np.where(np.isnan(values), 0, 1))
    table = RatingTable(
        models=("m",), conditions=("free", "paid"), cells=("",), levels=("free", "paid"),
        model=zeros, condition=level, cell=zeros, level=level, query=query,
        is_text=np.ones(values.size, np.bool_), requests=requests, ratings={JUDGE: rating},
    )  # fmt: skip
    return table, dict(zip(requests, complies.ravel().tolist(), strict=True))


if __name__ == "__main__":
    main()
