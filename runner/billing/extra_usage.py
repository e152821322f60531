"""Extra usage: what was billed beside the tokens of texts, such as audio, images and searches.

No request asks for any of it, so none of it was planned or reserved. Where the model has a price
for it, that is what it costs; where not, it costs the most that is known of any model, and the
whole reservation at least. It is never believed at the price of a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from estimator.workload import PlannedModel
from pricing.catalog import find_highest_extra_rate
from pricing.money import Money, format_per_million
from pricing.rates import ExtraRates, Rate, RateCard
from pricing.usage import Usage
from providers.reply import ModelResponse
from providers.usage_fields import ExtraCount, read_usage_fields
from runner.billing.served_as import is_own_server

_PICO_PER_MILLIONTH = 10**6  # a price of 1 USD per million


@dataclass(frozen=True, slots=True)
class ExtraUsage:
    """What was billed beside texts.

    Attributes:
        cost: of all of it.
        texts: the usage that is left for texts.
        names: what it was, with its price.
        is_priced: every price is known.
    """

    cost: Money
    texts: Usage
    names: tuple[str, ...] = ()
    is_priced: bool = True


def price_extra_usage(
    model: PlannedModel, card: RateCard, response: ModelResponse, usage: Usage
) -> ExtraUsage:
    """Price what an answer's usage reports, and what the answer shows, beside texts.

    Args:
        model: as planned.
        card: what the answer is billed by.
        response: the answer.
        usage: its usage as believed; tokens of other kinds are within it.
    """
    extra, names = ExtraUsage(Money(), usage), _find_extras(model, response)
    if not names:
        return extra
    rates = dict(model.reserve.extra) | dict(card.extra)
    found = read_usage_fields(response.raw_usage).extra_counts
    counts = {each.described: each for each in found}
    for name in names:
        count = counts.get(name) or _read_shown_search(name)
        if count is None:
            extra = replace(extra, names=(*extra.names, name), is_priced=False)
        else:
            extra = _add_count(extra, count, tuple(rates.items()))
    return extra


def _read_shown_search(name: str) -> ExtraCount | None:
    """Return a search that an answer shows where its usage does not count it; one at least."""
    if "search" not in name:
        return None
    number = name.rpartition(" ")[2]
    return ExtraCount(name, ("search",), int(number) if number.isdecimal() else 1)


def _add_count(extra: ExtraUsage, count: ExtraCount, known: ExtraRates) -> ExtraUsage:
    own = [rate for name, rate in known if name in count.classes]
    is_priced = len(own) >= len(count.classes)
    most = [*own, *filter(None, map(find_highest_extra_rate, count.classes))]
    price = _find_highest(own if is_priced else most)
    kind = f"at ${format_per_million(price)} per million" if is_priced else "no price is known"
    return ExtraUsage(
        extra.cost + _multiply(price, count.number),
        _take_from(extra.texts, count),
        (*extra.names, f"{count.described} ({kind})"),
        extra.is_priced and is_priced,
    )


def _find_highest(rates: Iterable[Rate]) -> Decimal:
    return max(max(rate.base, *dict(rate.tiers).values(), Decimal(0)) for rate in rates)


def _multiply(price: Decimal, number: int) -> Money:
    return Money(int((price * number * _PICO_PER_MILLIONTH).to_integral_value(ROUND_CEILING)))


def _take_from(usage: Usage, count: ExtraCount) -> Usage:
    """Return a usage without tokens of another kind, where it is known which of them they are."""
    match [name.partition("_")[0] for name in count.classes]:
        case ["input"]:
            return replace(usage, input=max(usage.input - count.number, 0))
        case ["output"]:
            output = max(usage.output - count.number, 0)
            return replace(usage, output=output, reasoning=min(usage.reasoning, output))
    return usage


def _find_extras(model: PlannedModel, response: ModelResponse) -> list[str]:
    """Name what was billed beside the tokens of texts.

    A model with a price for each request includes one search in it. What a server of the user's
    own cites is its own affair.
    """
    includes_search = bool(model.reserve.per_request)
    extras = [each for each in response.extras if not (includes_search and _is_one_search(each))]
    if response.cites_web and not (extras or includes_search or is_own_server(model)):
        extras.append("a search, as the answer cites pages of the web")
    return extras


def _is_one_search(extra: str) -> bool:
    name, _, number = extra.rpartition(" ")
    return "search" in name and number == "1"
