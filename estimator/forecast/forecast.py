"""The forecast: what an experiment may cost, as a range, for each stratum and in total.

Input is counted and therefore certain; output is not. Where calls were measured, by a pilot or in
earlier runs, one closed form says what the others cost, for all strata together (`pooling`).
Elsewhere a prior says it, which errs in the same direction everywhere (`uncertainty`). Only
ceilings are simply summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from estimator.cached_prefix import CachedPrefix, PrefixKey, index_prefixes, split_prompt
from estimator.forecast.measured_calls import TokenPrices
from estimator.forecast.measured_parts import CallsByStratum
from estimator.forecast.output_length import OutputLength, truncated_mean
from estimator.forecast.pooling import MeasuredStratum
from estimator.forecast.priors import share_in_judge_prompt
from estimator.forecast.read_share import ReadShare
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.uncertainty import (
    PriorError,
    UncertainCost,
    add_up,
    find_deviations,
    join_deviations,
)
from estimator.workload import (
    CountedRequest,
    PlannedModel,
    StratumKey,
    StratumTally,
    convert_to_judge_tokens,
    input_exactness,
)
from pricing.rates import RateCard

_HIGH = 0.9  # a quantile above which a range is at its upper end
_NOTHING_MEASURED = CallsByStratum({}, 1)


def forecast_cost(
    tallies: dict[StratumKey, StratumTally],
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
    shares: Mapping[StratumKey, ReadShare] = {},
    measured: CallsByStratum = _NOTHING_MEASURED,
) -> Forecast:
    """Forecast every stratum, every (stage, model), and the total.

    Args:
        tallies: stratum -> what was counted.
        lengths: stratum -> expected output of one request.
        models: written name -> planned model.
        shares: stratum -> the share that a judge reads of the answers that decide it.
        measured: the billed calls that the lengths rest on.
    """
    return add_up(forecast_strata(tallies, lengths, models, shares, measured))


def forecast_strata(
    tallies: dict[StratumKey, StratumTally],
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
    shares: Mapping[StratumKey, ReadShare] = {},
    measured: CallsByStratum = _NOTHING_MEASURED,
) -> list[UncertainCost]:
    """Return what every stratum costs, and what of it is how uncertain; see `forecast_cost`."""
    costs = _Costs(tallies, lengths, models, measured)
    return [costs.of_stratum(key, shares.get(key)) for key in tallies]


class _Costs:
    """The costs of strata, as `forecast_cost` is given them."""

    def __init__(
        self,
        tallies: dict[StratumKey, StratumTally],
        lengths: dict[StratumKey, OutputLength],
        models: dict[str, PlannedModel],
        measured: CallsByStratum,
    ) -> None:
        self._tallies, self._lengths = tallies, lengths
        self._models, self._measured = models, measured
        self._prefixes = index_prefixes(models)

    def of_stratum(self, key: StratumKey, share: ReadShare | None) -> UncertainCost:
        """Return what a stratum costs; a judge reads a share of the answers that decide it."""
        tally, length, model = self._tallies[key], self._lengths[key], self._models[key.model]
        prefix = self._prefixes.get(key)

        def sent(p: float | None) -> float:
            """Return how many requests are sent: on average, or a quantile of it."""
            unread = 0.0 if share is None else tally.depending * (1 - share.at(p))
            return tally.requests - unread

        def cost_in_dollars(p: float | None) -> float:
            """Return the cost; votes that are asked for together have one prompt."""
            average, votes = self._prompt_tokens(key, p) / tally.sendings, tally.requests
            output = _output_tokens(length, tally.max_tokens, p) * votes / tally.sendings
            # An unasked cache is not promised: at the end of the range nothing is read.
            is_sure = prefix is None or prefix.mark.keep is not None or (p or 0) < _HIGH
            one = price_average_request(model.card, average, output, prefix if is_sure else None)
            return sent(p) * tally.sendings / votes * one

        def output_tokens(p: float | None) -> float:
            return _output_tokens(length, tally.max_tokens, p) * sent(p)

        ceiling = tally.ceiling(model.reserve_for(prefix.mark if prefix else None))
        mean = min(cost_in_dollars(None), ceiling.as_float)
        loose = {name: cost_in_dollars(p) - mean for name, p in QUANTILES.items()}
        unset = dict.fromkeys(QUANTILES, mean)
        stratum = Stratum(
            stage=key.stage,
            model=key.model,
            condition=key.condition,
            requests=tally.requests,
            input_tokens=round(self._prompt_tokens(key, None) * sent(None) / tally.requests),
            exactness=input_exactness(key, self._models, tally).value,
            output=self._range_of_tokens(key, output_tokens, sent(None)),
            basis=length.basis,
            source=length.source,
            cost=CostRange(mean, ceiling=ceiling, **unset),
            expected=None if share is None else round(sent(None), 2),
            is_heavy_tailed=self._measured.is_heavy_tailed(key, length),
            share_cut_off=self._measured.share_cut_off(key, tally, length),
            own_answers=self._measured.count_own(key, tally.requests),
            **self._find_cached(key, prefix, sent(None) * tally.sendings / tally.requests),
        )
        measured = self._list_measured(key, sent(None))
        return UncertainCost(stratum, loose, measured, _find_error(tally, length, model))

    def _find_cached(
        self, key: StratumKey, prefix: CachedPrefix | None, sendings: float
    ) -> dict[str, Any]:
        """Return what of a stratum's prompts is cached, and what that saves in US dollars."""
        if prefix is None:
            return {}
        tally, card = self._tallies[key], self._models[key.model].card
        average = math.ceil(self._prompt_tokens(key, None) / tally.sendings)
        read, written = split_prompt(prefix, sendings)
        saving = -sendings * prefix.extra_cost(card, average)
        return {"cache_read": read, "cache_written": written, "cache_saving": round(saving, 6)}

    def _prompt_tokens(self, key: StratumKey, p: float | None) -> float:
        """Return all prompt tokens of a stratum: on average, or where each answer is at p."""
        tally, length, model = self._tallies[key], self._lengths[key], self._models[key.model]
        if length.answer_input is not None:
            return tally.input_tokens + length.answer_input * tally.requests
        return tally.input_tokens + sum(
            count
            * convert_to_judge_tokens(
                self._models[k.model],
                model,
                _output_tokens(self._lengths[k], self._tallies[k].max_tokens, p)
                * _share_of_answer(tally.answer_occurrences, self._lengths[k]),
            )
            for k, count in tally.judged_answers.items()
        )

    def _range_of_tokens(
        self, key: StratumKey, at: Callable[[float | None], float], expected: float
    ) -> TokenRange:
        tally, length = self._tallies[key], self._lengths[key]
        mean, prices = at(None), TokenPrices(0.0, 1.0)
        parts = self._measured.measure(key, expected, _limit(tally), prices, length)
        loose = {name: at(QUANTILES[name]) - mean for name in ("q05", "q50", "q95")}
        apart = join_deviations(loose, find_deviations(parts))
        found = {name: min(mean + each, tally.max_output) for name, each in apart.items()}
        return TokenRange(mean, **found, ceiling=tally.max_output)

    def _list_measured(self, key: StratumKey, expected: float) -> list[MeasuredStratum]:
        """Return the measured parts of a stratum's cost, in US dollars."""
        tally, length, model = self._tallies[key], self._lengths[key], self._models[key.model]
        prompt = self._prompt_tokens(key, None) / tally.sendings
        prices = TokenPrices.at_prompt(model.card, prompt)
        parts = self._measured.measure(key, expected, _limit(tally), prices, length)
        if length.answer_input is not None:
            return parts
        for k, count in tally.judged_answers.items():
            read, answer = self._lengths[k], self._models[k.model]
            share = _share_of_answer(tally.answer_occurrences, read)
            price = convert_to_judge_tokens(answer, model, share) * prices.input
            often = count * expected / tally.requests
            limit = _limit(self._tallies[k])
            parts += self._measured.measure_read(k, often, limit, price, read)
        return parts


def _find_error(
    tally: StratumTally, length: OutputLength, model: PlannedModel
) -> PriorError | None:
    """Return how a subject's prior errs; what judges cost errs with the answers that they read."""
    if tally.judged_answers or length.common is None:
        return None
    return PriorError(model.name.short_name, length.sigma, min(length.common, length.sigma))


def _limit(tally: StratumTally) -> int:
    """Return the most output tokens of one of a stratum's requests, over all of its turns."""
    return tally.max_output // tally.requests


def _output_tokens(length: OutputLength, max_tokens: int, p: float | None) -> float:
    """Return the mean output of one request, or a quantile of it, truncated at max_tokens.

    What was measured is its mean here, with each call truncated for itself.
    """
    if length.billed is not None:
        return length.billed
    mean = length.mean if p is None else length.quantile(p)
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
    prefix: CachedPrefix | None = None,
) -> float:
    """Return the expected cost of one request, if it is sent, in US dollars.

    With a cached prefix, that of an average one: most read it, and a few write it.
    """
    model, prompt = models[counted.request.model], float(counted.count.tokens)
    output = _output_tokens(lengths[counted.stratum_key], counted.request.max_tokens, None)
    if counted.is_joint:
        return output * float(model.card.output.price_at(counted.bound)) / 1e6
    if counted.answer_stratum is not None:
        answer = lengths[counted.answer_stratum]
        read = lengths[counted.stratum_key].answer_input
        length = _output_tokens(answer, counted.answer_max_tokens, None) * _share_of_answer(
            counted.answer_occurrences, answer
        )
        in_prompt = convert_to_judge_tokens(models[counted.answer_stratum.model], model, length)
        prompt += in_prompt if read is None else read
    return price_average_request(model.card, prompt, output, prefix)


def price_average_request(
    card: RateCard, prompt: float, output: float, prefix: CachedPrefix | None = None
) -> float:
    """Return an average request's cost in US dollars; its prompt decides the context tier.

    Args:
        card: the price.
        prompt: tokens of the average request's prompt.
        output: tokens of its answer.
        prefix: of its prompt that is cached.
    """
    at = math.ceil(prompt)
    per_million = prompt * float(card.input.price_at(at)) + output * float(card.output.price_at(at))
    extra = prefix.extra_cost(card, at) if prefix else 0.0
    return per_million / 1e6 + extra + float(card.per_request)


def price_strata(
    strata: Iterable[Stratum],
    card: RateCard,
    prefixes: Mapping[PrefixKey, CachedPrefix] = MappingProxyType({}),
) -> float:
    """Return the expected cost of strata at another rate card, in US dollars.

    Args:
        strata: of one model.
        card: the price.
        prefixes: that are cached, of each stratum that has one.
    """
    return sum(
        s.requests
        * price_average_request(
            card, s.input_tokens / s.requests, s.output.mean / s.requests, prefixes.get(s.key)
        )
        for s in strata
    )
