"""Output lengths: how many tokens a stratum's answers are expected to have, and how certainly.

They come from a prior (`priors.yaml`, by kind of answer, and whether the model has hidden
reasoning), from the user's own assumption, or from billed usage (`history`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from estimator.data_files import read_data_file
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, Condition, ExperimentSpec
from experiment.scoring import find_judge_kind
from providers.capabilities import find_reasoning

_FILE = Path(__file__).with_name("priors.yaml")
_STANDARD_NORMAL = NormalDist()
_CV_SQUARED_PRIOR = 1.2
_PRIOR_DF = 6
_QUERY_SHARE = 0.75  # of the variance lies between queries, the rest between samples


@dataclass(frozen=True, slots=True)
class OutputLength:
    """The mean output tokens of a stratum's requests, as a distribution.

    Attributes:
        mean: of one request, in the model's own tokens.
        sigma: standard deviation of the logarithm of that mean.
        df: degrees of freedom behind `sigma`; infinite for a prior.
        basis: prior, assumed or history.
        kind: answer, scratchpad or verdict.
        source: where the figure comes from.
    """

    mean: float
    sigma: float
    df: float
    basis: str
    kind: str
    source: str

    @property
    def is_measured(self) -> bool:
        """Return whether it is based on billed usage."""
        return self.basis == "history"

    def quantile(self, p: float) -> float:
        """Return a quantile of the mean.

        Measured: a shrunk-CV log-t, `exp(s2/3 + s t_df(p))`, whose 90 % intervals cover 88 to
        92 % on 13 data sets. A prior: a lognormal with that mean.
        """
        if self.is_measured:
            shift = self.sigma**2 / 3 + self.sigma * student_t_quantile(self.df, p)
        else:
            shift = -(self.sigma**2) / 2 + self.sigma * _STANDARD_NORMAL.inv_cdf(p)
        return self.mean * math.exp(shift)


def student_t_quantile(df: float, p: float) -> float:
    """Return a quantile of Student's t distribution."""
    from scipy.special import stdtrit  # noqa: PLC0415 - a fifth of a second, and only for history

    return float(stdtrit(df, p))


def truncated_mean(mean: float, max_tokens: int) -> float:
    """Return the mean of an output that is truncated at `max_tokens`.

    Lengths are assumed lognormal with the prior's coefficient of variation: the limited expected
    value, mean * Phi((ln(M/mean) - s2/2) / s) + M * Phi(-(ln(M/mean) + s2/2) / s).
    """
    s = math.sqrt(math.log1p(_CV_SQUARED_PRIOR))
    at = math.log(max_tokens / mean)
    below = mean * _STANDARD_NORMAL.cdf((at - s * s / 2) / s)
    return below + max_tokens * _STANDARD_NORMAL.cdf(-(at + s * s / 2) / s)


def prior_length(
    spec: ExperimentSpec, key: StratumKey, condition: Condition, model: PlannedModel
) -> OutputLength:
    """Return the prior of a stratum's output length, or the user's assumption.

    The experiment's `expect` is asked for the judge or the condition's levels; without an entry a
    subject gives an answer, and a judge what is of its kind.
    """
    stage = key.stage
    names = [stage] if stage != SUBJECT else [*condition.levels.values(), SUBJECT]
    given = next((spec.expect[name] for name in names if name in spec.expect), None)
    if isinstance(given, int):
        source = f"expect in the experiment file: {given} tokens"
        return OutputLength(
            given, _load_priors()["assumed_sigma"], math.inf, "assumed", "answer", source
        )
    kind = given or _expected_kind(spec, stage)
    begun = stage == SUBJECT and spec.messages[-1].role == "assistant" and model.prefill
    reasons = bool(find_reasoning(model.capability, {}).on) and not begun
    prior = _load_priors()["reasoning" if reasons else "kinds"][kind]
    mean = prior["mean"] * model.tokenizer.scale
    return OutputLength(mean, prior["sigma"], math.inf, "prior", kind, prior["source"])


def _expected_kind(spec: ExperimentSpec, stage: str) -> str:
    if stage == SUBJECT:
        return "answer"
    return find_judge_kind(next(each for each in spec.judges if each.name == stage)).expected_length


def length_from_history(
    by_query: list[float], queries: int, samples: int, kind: str, source: str
) -> OutputLength:
    """Return the output length that billed answers predict for `queries` x `samples`.

    Args:
        by_query: mean output tokens of each distinct query that was measured; at least one.
        queries: how many the new run will have.
        samples: of each.
        kind: answer, scratchpad or verdict.
        source: where they were measured.

    The coefficient of variation is shrunk towards the prior's, and the new run's queries count as
    a new draw: v = c2 * [rho (1/P + 1/k) + (1 - rho) (1/(PS) + 1/k)].
    """
    k, mean = len(by_query), sum(by_query) / len(by_query)
    squares = sum((x - mean) ** 2 for x in by_query) / mean**2
    c2 = (squares + _PRIOR_DF * _CV_SQUARED_PRIOR) / (k - 1 + _PRIOR_DF)
    runs = queries * samples
    rv = _QUERY_SHARE * (1 / queries + 1 / k) + (1 - _QUERY_SHARE) * (1 / runs + 1 / k)
    sigma = math.sqrt(math.log1p(c2 * rv))
    return OutputLength(mean, sigma, k - 1 + _PRIOR_DF, "history", kind, source)


def share_in_judge_prompt(kind: str, part: str) -> float:
    """Return the share of an answer that is output, or reasoning, when a judge reads it."""
    if kind != "scratchpad":
        return 1.0 if part == "output" else 0.0
    return float(_load_priors()[f"scratchpad_{part}_share"])


@cache
def _load_priors() -> dict[str, Any]:
    priors: dict[str, Any] = read_data_file(_FILE)
    return priors
