"""Priors: how long a stratum's answers are expected to be before any was billed.

It depends on the kind of answer (`priors.yaml`) and on whether its requests reason before they
answer, which the model's capability record and the request's own fields say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from estimator.forecast.output_length import OutputLength, length_at_share, truncated_mean
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT, ExperimentSpec, Use
from pricing.data_files import read_data_file
from providers.capabilities import ReasoningState, find_reasoning

_FILE = Path(__file__).with_name("priors.yaml")
_Q95 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, slots=True)
class _Prior:
    """A prior of the mean output, in the model's tokens, with how much of it is seen.

    `sigma`, `cv_squared`, `query_share` and `common` as in `OutputLength`.
    """

    mean: float
    sigma: float
    cv_squared: float
    source: str
    seen: float
    query_share: float
    most: float = math.inf
    common: float | None = None

    def quantile(self, z: float) -> float:
        """Return the mean at so many standard deviations of its logarithm."""
        return self.mean * math.exp(-(self.sigma**2) / 2 + self.sigma * z)


def prior_length(spec: ExperimentSpec, use: Use, model: PlannedModel) -> OutputLength:
    """Return the prior of the output length of a use, or the user's assumption.

    The experiment's `expect` is asked for a subject's model, its condition's levels and `subject`,
    or for a judge and its model; without an entry a subject gives an answer, and a judge what is of
    its kind. A number there is the whole output as billed, hidden reasoning included.
    """
    given = _find_expectation(spec, use, model)
    kind = given if isinstance(given, str) else _default_kind(spec, use.stage)
    begins = use.stage == SUBJECT and _begins_answer(spec, use, model)
    prior = _find_prior(model, kind, use.sampling, begins_answer=begins)
    if isinstance(given, int):
        return _make_length(_assume(given, prior), "assumed", "answer", model)
    return _make_length(prior, "prior", kind, model)


def prior_of_kind(
    model: PlannedModel, kind: str, sampling: Mapping[str, Any], *, begins_answer: bool = False
) -> OutputLength:
    """Return the prior of the output length of a call of no experiment.

    Args:
        model: that is asked.
        kind: answer, scratchpad or verdict.
        sampling: the call's fields, of which those about reasoning count.
        begins_answer: whether the call ends with the beginning of the answer.
    """
    prior = _find_prior(model, kind, sampling, begins_answer=begins_answer)
    return _make_length(prior, "prior", kind, model)


def _make_length(prior: _Prior, basis: str, kind: str, model: PlannedModel) -> OutputLength:
    return OutputLength(
        mean=prior.mean,
        sigma=prior.sigma,
        basis=basis,
        kind=kind,
        source=prior.source,
        cv_squared=prior.cv_squared,
        query_share=prior.query_share,
        visible=min(1.0, prior.seen / prior.mean),
        shown=_share_shown(model.capability.text),
        most=prior.most,
        common=prior.common,
    )


def is_router(provider: str) -> bool:
    """Return whether a provider passes requests on to others, whose answers differ in length."""
    return provider in _load_file()["routers"]


def _share_shown(text: str) -> float:
    """Return how much of a model's reasoning comes back, by what its record says of it."""
    shares = _load_file()["shown_reasoning"]
    return float(shares.get(text, shares["unknown"]))


def share_in_judge_prompt(length: OutputLength, part: str) -> float:
    """Return the share of a stratum's output that is its answer's output, or reasoning.

    A judge reads what is visible of an answer, and what its provider shows of the reasoning.
    """
    shown = (1 - length.visible) * length.shown if part == "reasoning" else 0.0
    if length.kind != "scratchpad":
        return length.visible if part == "output" else shown
    return shown + length.visible * float(_load_file()[f"scratchpad_{part}_share"])


def _find_expectation(spec: ExperimentSpec, use: Use, model: PlannedModel) -> str | int | None:
    """Return the entry of `expect` for a use; its model's may have any of the model's names."""
    written = (use.model, model.name.short_name, str(model.name))
    if use.stage == SUBJECT:
        names = [*written, *use.condition.levels.values(), SUBJECT]
    else:
        names = [use.stage, *written]
    return next((spec.expect[name] for name in names if name in spec.expect), None)


def _default_kind(spec: ExperimentSpec, stage: str) -> str:
    if stage == SUBJECT:
        return "answer"
    from experiment.scoring import find_judge_kind  # noqa: PLC0415 - for a judge of no known kind

    return find_judge_kind(next(each for each in spec.judges if each.name == stage)).expected_length


def _find_prior(
    model: PlannedModel, kind: str, sampling: Mapping[str, Any], *, begins_answer: bool
) -> _Prior:
    """Return the prior of a kind of answer for what is known of the request's reasoning."""
    state, scale = find_reasoning(model.capability, sampling), model.tokenizer.scale
    plain = _load_prior("kinds", kind, scale)
    if state.on is False:
        return plain
    effort = _find_effort(state, model.capability.default_level)
    reasoning = _prior_with_reasoning(kind, state, effort, scale)
    if state.on is None:
        return _mix(plain, reasoning, "not known whether it reasons, so a wide band")
    if begins_answer:
        # Of one model's output 2 % was hidden with a prefill, and 81 to 83 % without.
        return _mix(plain, reasoning, "it reasons, but its answer is begun for it")
    return reasoning


def _assume(tokens: int, prior: _Prior) -> _Prior:
    """Return the user's assumption of a whole output, with the shape of the prior."""
    return _Prior(
        mean=tokens,
        sigma=_load_file()["assumed_sigma"],
        cv_squared=prior.cv_squared,
        source=f"expect in the experiment file: {tokens} tokens",
        seen=prior.seen if prior.seen < prior.mean else tokens,
        query_share=prior.query_share,
    )


def _begins_answer(spec: ExperimentSpec, use: Use, model: PlannedModel) -> bool:
    return spec.messages[-1].role == "assistant" and model.takes_prefill(use.sampling)


def _prior_with_reasoning(kind: str, state: ReasoningState, effort: float, scale: float) -> _Prior:
    prior = _load_prior("reasoning", kind, scale)
    # A scratchpad moves into the hidden reasoning.
    seen = _load_prior("kinds", "answer" if kind == "scratchpad" else kind, scale)
    prior = replace(prior, mean=prior.mean * effort, seen=seen.mean)
    if state.budget is not None:
        prior = _limit_reasoning(prior, state.budget, seen)
    return replace(prior, source=f"hidden reasoning{describe_level(state)}, unseen: {prior.source}")


def describe_level(state: ReasoningState) -> str:
    """Return the level and the budget of reasoning in words, to be put after a phrase."""
    level = f", level {state.level}" if state.level else ""
    return level + (f", at most {state.budget:,} tokens" if state.budget else "")


def _find_effort(state: ReasoningState, default_level: str) -> float:
    """Return the factor of a level that is asked for; what was measured is models as they come."""
    if not state.asked or state.level == default_level:
        return 1.0
    return float(_load_file()["effort"].get(state.level, 1))


def _limit_reasoning(prior: _Prior, budget: int, seen: _Prior) -> _Prior:
    """Return the prior of an output whose reasoning has a budget, and its answer after that."""

    def limit(mean: float, answer: float) -> float:
        return min(mean, truncated_mean(mean, budget, prior.cv_squared) + answer)

    low, high = (limit(prior.quantile(z), seen.quantile(z)) for z in (-_Q95, _Q95))
    return replace(
        prior,
        mean=limit(prior.mean, seen.mean),
        sigma=math.log(high / low) / (2 * _Q95),
        most=budget + length_at_share(seen.mean, 0.05, seen.cv_squared),
    )


def _mix(one: _Prior, other: _Prior, why: str) -> _Prior:
    """Return a prior with the mean and the variance of two that are equally likely."""
    mean = (one.mean + other.mean) / 2
    squares = sum(each.mean**2 * math.exp(each.sigma**2) for each in (one, other)) / 2
    return _Prior(
        mean,
        math.sqrt(math.log(squares / mean**2)),
        max(one.cv_squared, other.cv_squared),
        f"{why}: {one.source}; {other.source}",
        (one.seen + other.seen) / 2,
        min(one.query_share, other.query_share),
        common=_mix_common(one, other),
    )


def _mix_common(one: _Prior, other: _Prior) -> float | None:
    """Return the common part of two priors: the larger one, which is cautious."""
    if one.common is None or other.common is None:
        return None
    return max(one.common, other.common)


def _load_prior(group: str, kind: str, scale: float) -> _Prior:
    given = _load_file()[group][kind]
    mean = given["mean"] * scale
    shape = given["cv_squared"], given["source"], mean, given["query_share"]
    return _Prior(mean, given["sigma"], *shape, common=given.get("common"))


@cache
def _load_file() -> dict[str, Any]:
    priors: dict[str, Any] = read_data_file(_FILE)
    return priors
