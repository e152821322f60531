"""The forecast: what an experiment may cost, as a range, for each stratum and in total.

Input is counted and therefore certain; output is not. Its uncertainty is one of two kinds, and
they add up differently. Measured lengths err independently in each stratum, so their variances add
(with Satterthwaite's degrees of freedom). A prior errs in the same direction everywhere, so its
quantiles add. The two groups are independent of each other: their deviations from the mean add in
squares. Only ceilings are simply summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from estimator.forecast.output_length import OutputLength, truncated_mean
from estimator.forecast.priors import share_in_judge_prompt
from estimator.forecast.read_share import ReadShare
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.uncertainty import sum_costs
from estimator.workload import (
    CountedRequest,
    PlannedModel,
    StratumKey,
    StratumTally,
    convert_to_judge_tokens,
    input_exactness,
)
from pricing.rates import RateCard


def forecast_cost(
    tallies: dict[StratumKey, StratumTally],
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
    shares: Mapping[StratumKey, ReadShare] = {},
) -> Forecast:
    """Forecast every stratum, every (stage, model), and the total.

    Args:
        tallies: stratum -> what was counted.
        lengths: stratum -> expected output of one request.
        models: written name -> planned model.
        shares: stratum -> the share that a judge reads of the answers that decide it.
    """
    strata = tuple(
        _forecast_stratum(key, tallies, lengths, models, shares.get(key)) for key in tallies
    )
    groups = {
        pair: sum_costs([s for s in strata if (s.stage, s.model) == pair], lengths)
        for pair in dict.fromkeys((s.stage, s.model) for s in strata)
    }
    return Forecast(strata, groups, sum_costs(strata, lengths))


def _forecast_stratum(
    key: StratumKey,
    tallies: dict[StratumKey, StratumTally],
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
    share: ReadShare | None,
) -> Stratum:
    tally, length, model = tallies[key], lengths[key], models[key.model]

    def sent(p: float | None) -> float:
        """Return how many requests are sent: on average, or a quantile of it."""
        unread = 0.0 if share is None else tally.depending * (1 - share.at(p))
        return tally.requests - unread

    def prompt_tokens(output_of: Callable[[StratumKey], float]) -> float:
        """Return all prompt tokens, if each judged answer has output_of(its stratum) tokens."""
        return tally.input_tokens + sum(
            count
            * convert_to_judge_tokens(
                models[k.model],
                model,
                output_of(k) * _share_of_answer(tally.answer_occurrences, lengths[k]),
            )
            for k, count in tally.judged_answers.items()
        )

    def answer_tokens(p: float | None) -> Callable[[StratumKey], float]:
        return lambda k: _output_tokens(lengths[k], tallies[k].max_tokens, p)

    def cost_in_dollars(p: float | None) -> float:
        """Return the cost; votes that are asked for together have one prompt."""
        average, votes = prompt_tokens(answer_tokens(p)) / tally.sendings, tally.requests
        output = _output_tokens(length, tally.max_tokens, p) * votes / tally.sendings
        return sent(p) * tally.sendings / votes * price_average_request(model.card, average, output)

    ceiling = tally.ceiling(model.reserve)
    top = ceiling.as_float
    points: dict[str, float | None] = {"mean": None} | QUANTILES
    tokens = {
        name: _output_tokens(length, tally.max_tokens, points[name]) * sent(points[name])
        for name in ("mean", "q05", "q50", "q95")
    }
    cost = {name: min(cost_in_dollars(p), top) for name, p in points.items()}
    return Stratum(
        stage=key.stage,
        model=key.model,
        condition=key.condition,
        requests=tally.requests,
        input_tokens=round(prompt_tokens(answer_tokens(None)) * sent(None) / tally.requests),
        exactness=input_exactness(key, models, tally).value,
        output=TokenRange(**tokens, ceiling=tally.max_output),
        basis=length.basis,
        source=length.source,
        cost=CostRange(**cost, ceiling=ceiling),
        expected=None if share is None else round(sent(None), 2),
    )


def _output_tokens(length: OutputLength, max_tokens: int, p: float | None) -> float:
    """Return the mean output of one request, or a quantile of it, truncated at max_tokens.

    A measured mean was already truncated, by the max_tokens of the run that was billed.
    """
    mean = length.mean if p is None else length.quantile(p)
    if length.is_measured:
        return min(mean, max_tokens)
    return truncated_mean(mean, max_tokens, length.cv_squared)


def _share_of_answer(answer_occurrences: tuple[int, int], length: OutputLength) -> float:
    """Return how much of an answer a judge's prompt contains; above 1 if it is repeated."""
    output, reasoning = answer_occurrences
    return output * share_in_judge_prompt(length, "output") + (
        reasoning * share_in_judge_prompt(length, "reasoning")
    )


def price_request(
    counted: CountedRequest,
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
) -> float:
    """Return the expected cost of one request, if it is sent, in US dollars."""
    model, prompt = models[counted.request.model], float(counted.count.tokens)
    output = _output_tokens(lengths[counted.stratum_key], counted.request.max_tokens, None)
    if counted.is_joint:
        return output * float(model.card.output.price_at(counted.bound)) / 1e6
    if counted.answer_stratum is not None:
        answer = lengths[counted.answer_stratum]
        length = _output_tokens(answer, counted.answer_max_tokens, None) * _share_of_answer(
            counted.answer_occurrences, answer
        )
        prompt += convert_to_judge_tokens(models[counted.answer_stratum.model], model, length)
    return price_average_request(model.card, prompt, output)


def price_average_request(card: RateCard, prompt: float, output: float) -> float:
    """Return an average request's cost in US dollars; its prompt decides the context tier.

    Args:
        card: the price.
        prompt: tokens of the average request's prompt.
        output: tokens of its answer.
    """
    at = math.ceil(prompt)
    per_million = prompt * float(card.input.price_at(at)) + output * float(card.output.price_at(at))
    return per_million / 1e6 + float(card.per_request)


def price_strata(strata: Iterable[Stratum], card: RateCard) -> float:
    """Return the expected cost of strata at another rate card, in US dollars."""
    return sum(
        s.requests
        * price_average_request(card, s.input_tokens / s.requests, s.output.mean / s.requests)
        for s in strata
    )
