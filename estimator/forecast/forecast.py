"""The forecast: what an experiment's tokens may cost, as a range, per stratum and in total.

Input is counted and therefore certain; output is not. Its uncertainty is one of two kinds, and
they add up differently. What earlier runs measured errs independently in each stratum, so those
variances add (with Satterthwaite's degrees of freedom). A prior errs everywhere in the same
direction, so those quantiles add. The two blocks are independent of each other: deviations from
the mean add in squares. Only ceilings add as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from estimator.forecast.output_length import Length, limited, share_carried, student_t
from estimator.workload.count_requests import (
    Counted,
    Key,
    PlannedModel,
    Tally,
    carried_tokens,
    is_exact,
)
from pricing.money import Money, from_float
from pricing.rates.rate_card import RateCard

_P = (0.05, 0.50, 0.95)


@dataclass(frozen=True, slots=True)
class TokenRange:
    """Tokens: of their distribution the mean and quantiles, and what they cannot exceed."""

    mean: float
    q05: float
    q50: float
    q95: float
    ceiling: int

    def to_json(self) -> dict[str, int]:
        """Give whole tokens."""
        return {name: round(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: dict[str, int]) -> TokenRange:
        """Read what `to_json` gave."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class CostRange:
    """US dollars: of their distribution the mean and quantiles, and the exact ceiling."""

    mean: float
    q05: float
    q50: float
    q95: float
    ceiling: Money

    def to_json(self) -> dict[str, str]:
        """Give decimal strings of US dollars."""
        figures = {name: from_float(getattr(self, name)) for name in ("mean", "q05", "q50", "q95")}
        return {
            name: money.exact() for name, money in (figures | {"ceiling": self.ceiling}).items()
        }

    @classmethod
    def from_json(cls, data: dict[str, str]) -> CostRange:
        """Read what `to_json` gave."""
        figures = {name: float(data[name]) for name in ("mean", "q05", "q50", "q95")}
        return cls(**figures, ceiling=Money.usd(data["ceiling"]))


@dataclass(frozen=True, slots=True)
class Stratum:
    """The forecast of one stratum: a stage of a model in a condition.

    Attributes:
        stage, model, condition: its key; the model as the experiment writes it.
        requests: how many.
        input_tokens: in all; a judge's with the expected answers.
        exactness: of `input_tokens`.
        output: tokens in all, with `basis` and `source` saying what the figure rests on.
        cost: US dollars in all.
    """

    stage: str
    model: str
    condition: str
    requests: int
    input_tokens: int
    exactness: str
    output: TokenRange
    basis: str
    source: str
    cost: CostRange


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of all strata, of each (stage, model) over its conditions, and of the total."""

    strata: tuple[Stratum, ...]
    groups: dict[tuple[str, str], CostRange]
    total: CostRange


def forecast(
    tallies: dict[Key, Tally],
    lengths: dict[Key, Length],
    models: dict[str, PlannedModel],
) -> Forecast:
    """Forecast every stratum, every (stage, model), and the total.

    Args:
        tallies: what was counted.
        lengths: expected output of one request, for every stratum.
        models: every written name's model.
    """
    strata = tuple(_stratum(key, tallies, lengths, models) for key in tallies)
    groups = {
        pair: _sum([s for s in strata if (s.stage, s.model) == pair], lengths)
        for pair in dict.fromkeys((s.stage, s.model) for s in strata)
    }
    return Forecast(strata, groups, _sum(strata, lengths))


def _stratum(
    key: Key,
    tallies: dict[Key, Tally],
    lengths: dict[Key, Length],
    models: dict[str, PlannedModel],
) -> Stratum:
    tally, length, model = tallies[key], lengths[key], models[key[1]]

    def prompt(of: Callable[[Key], float]) -> float:
        """Prompt tokens in all, when a request of each carried stratum answers with of(key)."""
        return tally.input_tokens + sum(
            count * carried_tokens(models[k[1]], model, of(k) * _share(tally.uses, lengths[k]))
            for k, count in tally.carried.items()
        )

    def answer(p: float | None) -> Callable[[Key], float]:
        return lambda k: _tokens(lengths[k], tallies[k].max_tokens, p)

    def dollars(p: float | None) -> float:
        average = prompt(answer(p)) / tally.requests
        output = _tokens(length, tally.max_tokens, p)
        return tally.requests * average_price(model.card, average, output)

    ceiling = tally.ceiling(model.reserve)
    top = ceiling.approx
    points = dict(zip(("mean", "q05", "q50", "q95"), (None, *_P), strict=True))
    tokens = {n: _tokens(length, tally.max_tokens, p) * tally.requests for n, p in points.items()}
    cost = {name: min(dollars(p), top) for name, p in points.items()}
    stage, name, condition = key
    return Stratum(
        stage=stage,
        model=name,
        condition=condition,
        requests=tally.requests,
        input_tokens=round(prompt(answer(None))),
        exactness=is_exact(key, models).value,
        output=TokenRange(**tokens, ceiling=tally.max_tokens * tally.requests),
        basis=length.basis,
        source=length.source,
        cost=CostRange(**cost, ceiling=ceiling),
    )


def _tokens(length: Length, max_tokens: int, p: float | None) -> float:
    """Give the mean output of one request, or a quantile of it, cut off at max_tokens.

    What was measured was cut off already, by the max_tokens of its day.
    """
    mean = length.mean if p is None else length.quantile(p)
    return min(mean, max_tokens) if length.measured else limited(mean, max_tokens)


def _share(uses: tuple[int, int], length: Length) -> float:
    """Give how much of an answer a judge's prompt holds; more than 1 where it repeats it."""
    output, reasoning = uses
    return output * share_carried(length.kind, "output") + (
        reasoning * share_carried(length.kind, "reasoning")
    )


def mean_cost(
    counted: Counted, lengths: dict[Key, Length], models: dict[str, PlannedModel]
) -> float:
    """Give the likely cost of one request in US dollars."""
    model, prompt = models[counted.request.model], float(counted.count.tokens)
    output = _tokens(lengths[counted.key], counted.request.max_tokens, None)
    if counted.carries is not None:
        answer = lengths[counted.carries]
        length = _tokens(answer, counted.carried_limit, None) * _share(counted.uses, answer)
        prompt += carried_tokens(models[counted.carries[1]], model, length)
    return average_price(model.card, prompt, output)


def average_price(card: RateCard, prompt: float, output: float) -> float:
    """Price an average request in US dollars; long-context tiers follow the average prompt.

    Args:
        card: the price.
        prompt: tokens of the average request's prompt.
        output: tokens of its answer.
    """
    at = math.ceil(prompt)
    per_million = prompt * float(card.input.at(at)) + output * float(card.output.at(at))
    return per_million / 1e6 + float(card.per_request)


def likely_cost(strata: Iterable[Stratum], card: RateCard) -> float:
    """Price the expected tokens of strata by another card, in US dollars."""
    return sum(
        s.requests * average_price(card, s.input_tokens / s.requests, s.output.mean / s.requests)
        for s in strata
    )


def _sum(strata: Sequence[Stratum], lengths: dict[Key, Length]) -> CostRange:
    mean = sum(stratum.cost.mean for stratum in strata)
    prior = [s for s in strata if not lengths[s.stage, s.model, s.condition].measured]
    billed = [s for s in strata if lengths[s.stage, s.model, s.condition].measured]
    ceiling = sum((stratum.cost.ceiling for stratum in strata), Money())

    def quantile(p: float, name: str) -> float:
        together: float = sum(getattr(s.cost, name) - s.cost.mean for s in prior)
        apart = _deviation(billed, lengths, p)
        if together * apart < 0:
            return mean + together + apart
        return mean + math.copysign(math.hypot(together, apart), together + apart)

    top = ceiling.approx
    names = ("q05", "q50", "q95")
    q05, q50, q95 = (min(quantile(p, name), top) for p, name in zip(_P, names, strict=True))
    return CostRange(mean, q05, q50, q95, ceiling)


def _deviation(strata: Iterable[Stratum], lengths: dict[Key, Length], p: float) -> float:
    """Give how far the sum of measured strata lies from its mean at a quantile.

    mu exp(s2/3 + s t_df(p)) with v = sum v_h, df = v^2 / sum(v_h^2 / df_h), s2 = ln(1 + v/mu^2),
    over the part of the cost that varies.
    """
    mu = v = spread = 0.0
    for stratum in strata:
        length = lengths[(stratum.stage, stratum.model, stratum.condition)]
        varies = _varying(stratum, length)
        variance = varies**2 * math.expm1(length.sigma**2)
        mu, v, spread = mu + varies, v + variance, spread + variance**2 / length.df
    if v == 0:
        return 0.0
    s2 = math.log1p(v / mu**2)
    return mu * math.expm1(s2 / 3 + math.sqrt(s2) * student_t(v * v / spread, p))


def _varying(stratum: Stratum, length: Length) -> float:
    """Give the part of a stratum's mean cost that moves with the length of its answers."""
    factor = length.quantile(0.95) / length.mean - 1
    return max(stratum.cost.q95 - stratum.cost.mean, 0.0) / factor if factor > 0 else 0.0
