"""The forecast: what an experiment's tokens may cost, as a range, per stratum and in total.

Input is counted and therefore certain; output is not. Its uncertainty is one of two kinds, and
they add up differently. What earlier runs measured errs independently in each stratum, so those
variances add (with Satterthwaite's degrees of freedom). A prior errs everywhere in the same
direction, so those quantiles add. The two blocks are independent of each other: deviations from
the mean add in squares. Only ceilings add as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from estimator.forecast.output_length import Length, limited, share_carried
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.uncertainty import sum_strata
from estimator.workload.judge_prompts import carried_tokens
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import Counted, Key, Tally, is_exact
from pricing.rates.rate_card import RateCard


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
        pair: sum_strata([s for s in strata if (s.stage, s.model) == pair], lengths)
        for pair in dict.fromkeys((s.stage, s.model) for s in strata)
    }
    return Forecast(strata, groups, sum_strata(strata, lengths))


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
    points = dict(zip(("mean", "q05", "q50", "q95"), (None, *QUANTILES), strict=True))
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
