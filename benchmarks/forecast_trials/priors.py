"""Priors: whether the mean length of a model's answers lies in the band that others give it.

Each model is left out in turn. Two bands are held against its mean: `as shipped` has the sigma of
`priors.yaml` around the median of the other models; `from the others` is a t band from them alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmarks.forecast_trials.lengths import Lengths
from estimator.forecast import CostRange, OutputLength, Stratum, TokenRange
from estimator.forecast.stratum import QUANTILES
from estimator.forecast.uncertainty import PriorError, UncertainCost, sum_costs
from pricing.data_files import read_data_file
from pricing.money import Money
from providers.capabilities import find_capability, find_reasoning
from providers.registry import load_providers

Floats = NDArray[np.float64]
PRIORS = Path(__file__).parents[2] / "estimator" / "forecast" / "priors.yaml"
HIGH = "reasoning_effort"
CLAUDE = {"thinking": {"type": "enabled", "budget_tokens": 16000}}
# The models of the data whose output has their reasoning in it: as OpenRouter calls them, and what
# asked for it there.
REASONING: dict[str, tuple[str, dict[str, object]]] = {
    "DeepHermes-3-Mistral-24B-Pre": (
        "nousresearch/deephermes-3-mistral-24b-preview",
        {HIGH: "high"},
    ),
    "QwQ-32b": ("qwen/qwq-32b", {}),
    "claude-4-sonnet-0522-thinking": ("anthropic/claude-sonnet-4", CLAUDE),
    "gemini-2.5-flash-preview-05-20:thinking": ("google/gemini-2.5-flash", {HIGH: "medium"}),
    "gemini-2.5-flash-high": ("google/gemini-2.5-flash", {HIGH: "high"}),
    "glm-z1-32b": ("thudm/glm-z1-32b", {}),
    "gemini-2.5-pro-low": ("google/gemini-2.5-pro", {HIGH: "low"}),
    "gemini-2.5-pro-high": ("google/gemini-2.5-pro", {HIGH: "high"}),
    "grok-3-mini-think": ("x-ai/grok-3-mini", {}),
    "grok-3-mini-beta-think": ("x-ai/grok-3-mini-beta", {}),
    "ll3.3-nemotron-49b-v1-thk": ("nvidia/llama-3.3-nemotron-super-49b-v1", {}),
    "o4-mini-high-long": ("openai/o4-mini", {HIGH: "high"}),
    "phi-4-reasoning-plus": ("microsoft/phi-4-reasoning-plus", {}),
    "qwen3-235b-a22b-think": ("qwen/qwen3-235b-a22b", {}),
    "qwen3-30b-a3b-think": ("qwen/qwen3-30b-a3b", {}),
    "deepseek-r1-0528": ("deepseek/deepseek-r1-0528", {}),
    "claude-3.7-thinking-4k": ("anthropic/claude-3.7-sonnet", CLAUDE),
}
# Models that reasoned, with lengths that leave their reasoning out.
UNSEEN = {"deepseek-r1", "o3-mini", "gemini-2.5-pro-preview-03-25", "gemini-2.5-pro-preview-05-06"}


@dataclass(frozen=True)
class PriorResult:
    """How often the bands of a class hold a model that was left out.

    Attributes:
        models: how many.
        median: of their means, in tokens.
        shipped, others: the share inside each band.
        own: the share inside the band that afcost has, with its own median.
    """

    models: int
    median: float
    shipped: float
    others: float
    own: float


def find_prior(model: str) -> OutputLength:
    """Return the prior of a model of the data, as afcost has it."""
    kinds = read_data_file(PRIORS)
    given = kinds["reasoning" if model in REASONING else "kinds"]["answer"]
    return OutputLength(given["mean"], given["sigma"], math.inf, "prior", "answer", "")


def score_priors(lengths: Lengths) -> dict[str, PriorResult]:
    """Return how the priors did, by class."""
    means = dict(zip(lengths.names, lengths.tokens.mean(axis=(1, 2)), strict=True))
    kinds = read_data_file(PRIORS)
    classes = {
        "answer": ([n for n in means if n not in REASONING and n not in UNSEEN], kinds["kinds"]),
        "reasoning": ([name for name in means if name in REASONING], kinds["reasoning"]),
    }
    return {
        name: _score_class(np.array([means[each] for each in models]), group["answer"])
        for name, (models, group) in classes.items()
    }


def _score_class(means: Floats, prior: dict[str, float]) -> PriorResult:
    length = OutputLength(prior["mean"], prior["sigma"], math.inf, "prior", "answer", "")
    own = [length.quantile(0.05) <= mean <= length.quantile(0.95) for mean in means]
    apart = [abs(_leave_out(means, i)[0]) for i in range(len(means))]
    shipped = [each <= 1.645 * prior["sigma"] for each in apart]
    others = []
    for number in range(len(means)):
        error, spread = _leave_out(means, number)
        t = float(stdtrit(len(means) - 2, 0.95))
        others.append(abs(error) <= t * spread * math.sqrt(1 + 1 / (len(means) - 1)))
    return PriorResult(
        len(means), float(np.median(means)), fmean(shipped), fmean(others), fmean(own)
    )


def score_totals(
    lengths: Lengths, class_: str, models: int, draws: int, seed: int
) -> tuple[float, float]:
    """Return how often the total of several models is in its 90 % range, and its relative width.

    The models are drawn from a class of them, at the same price; the median of the prior is that of
    the models that were not drawn. The width is in shares of that of ranges that add.
    """
    means = dict(zip(lengths.names, lengths.tokens.mean(axis=(1, 2)), strict=True))
    kept = [n for n in means if (n in REASONING) == (class_ == "reasoning") and n not in UNSEEN]
    given = read_data_file(PRIORS)["kinds" if class_ == "answer" else "reasoning"]["answer"]
    dice, held, widths = np.random.default_rng(seed), [], []
    for _ in range(draws):
        drawn = dice.choice(len(kept), models, replace=False)
        logs = np.log([means[name] for name in kept])
        mean = math.exp(np.delete(logs, drawn).mean() + given["sigma"] ** 2 / 2)
        costs = [_price_prior(kept[at], mean, given) for at in drawn]
        found = sum_costs(costs)
        added = sum_costs([replace(each, error=None) for each in costs])
        held.append(found.q05 <= float(np.exp(logs[drawn]).sum()) <= found.q95)
        widths.append((found.q95 - found.q05) / (added.q95 - added.q05))
    return fmean(held), fmean(widths)


def _price_prior(name: str, mean: float, given: dict[str, float]) -> UncertainCost:
    """Return what a model costs by a prior, a token for a dollar."""
    length = OutputLength(mean, given["sigma"], "prior", "answer", "")
    loose = {key: length.quantile(p) - mean for key, p in QUANTILES.items()}
    cost = CostRange(mean, mean, mean, mean, Money.from_usd("1000000"))
    stratum = Stratum("subject", name, "all", 1, 0, "exact", TokenRange(*([mean] * 4), 10**6),
                      "prior", "", cost)  # fmt: skip
    return UncertainCost(stratum, loose, (), PriorError(name, given["sigma"], given["common"]))


def _leave_out(means: Floats, number: int) -> tuple[float, float]:
    """Return how far a model's logarithm lies from the others' mean, and their spread."""
    rest = np.log(np.delete(means, number))
    return float(np.log(means[number]) - rest.mean()), float(rest.std(ddof=1))


def list_unexpected() -> list[str]:
    """Return the models that reason and get the prior of models that do not."""
    provider = load_providers({})["openrouter"]
    return [
        name
        for name, (model, fields) in REASONING.items()
        if find_reasoning(find_capability(provider, model), fields).on is False
    ]
