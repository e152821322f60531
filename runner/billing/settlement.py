"""Settlement: what an answered attempt cost.

The provider's usage is billed by the pinned card, as far as it is believed (`believed_usage`). A
cost that the provider states is settled where it is higher, and never lowers what is settled. What
was served otherwise than planned, or billed beside it (`extra_usage`), is a breach: it is settled
as far as its price is known, and at no less than was reserved where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from estimator.counting import TokenCount
from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.money import Money
from pricing.rates import RateCard
from pricing.usage import Usage
from providers.capabilities import repeats_prompt
from providers.reply import ModelResponse
from runner.billing.believed_usage import believe_usage
from runner.billing.extra_usage import price_extra_usage
from runner.billing.served_as import (
    find_model_breach,
    find_tier_breach,
    is_price_known,
    note_model,
    note_tier,
    other_model,
)

_COST_TOLERANCE = Decimal("1.01")  # a stated cost is rounded
_ESTIMATE_TOLERANCE = Decimal("1.25")  # an estimated one may also rest on another count
_COST_ROUNDING = 1_000_000  # pico-dollars, the last place that providers state


@dataclass(frozen=True, slots=True)
class Settlement:
    """The amount to settle, a note where it differs from the usage, and any breach.

    `output` is the part of the amount that the tokens of the answer cost, `more_tokens` how many
    were booked beyond those that the usage reports.
    """

    billed: Money
    note: str = ""
    breach: str = ""
    output: Money = Money()  # noqa: RUF009 - frozen
    more_tokens: int = 0


def compute_settlement(  # noqa: PLR0913 - what a settlement rests on
    model: PlannedModel,
    card: RateCard,
    count: TokenCount,
    request: Request,
    response: ModelResponse,
    text: str,
    reserved: Money,
) -> Settlement:
    """Compute what an answer cost.

    Args:
        model: with its tokenizer.
        card: what it is billed by, as `applicable_card` gives it.
        count: the prompt as counted to reserve for it.
        request: what was sent.
        response: what the provider answered.
        text: its text, without the prefill that some providers repeat.
        reserved: what was reserved for it.
    """
    usage, usage_notes = believe_usage(model, count, request, response, text)
    by_usage, other = _settled_by_usage(card, usage), other_model(model, response)
    excess = _find_excess_cost(model, by_usage, usage, response)
    billed = [cost for name, cost in _stated_costs(response) if not _is_estimate(name)]
    extra = price_extra_usage(model, card, response, usage)
    of_texts = by_usage if extra.texts is usage else _settled_by_usage(card, extra.texts)
    known = max(by_usage, of_texts + extra.cost, excess[1], *billed, Money())
    unpriced = not extra.is_priced or not is_price_known(model, other)
    breaches = (
        find_tier_breach(model, response),
        find_model_breach(model, other),
        _describe_extras(model, extra.names) if extra.names else "",
        excess[0],
    )
    unknown = ", ".join(response.unknown_counts)
    notes = (
        note_tier(model, response),
        note_model(model, response, other),
        _note_repeated_prompt(count, response),
        *usage_notes,
        f"usage reports fields that are not known: {unknown}" if unknown else "",
    )
    return Settlement(
        max(known, reserved) if unpriced else known,
        "; ".join(filter(None, notes)),
        "; ".join(filter(None, breaches)),
        card.cost_of_output(usage),
        max(_count_tokens(usage) - _count_tokens(response.usage), 0),
    )


def _describe_extras(model: PlannedModel, names: tuple[str, ...]) -> str:
    return f"{model.name} billed what was not planned: {', '.join(names)}"


def _count_tokens(usage: Usage) -> int:
    return usage.prompt_tokens + usage.output


def _note_repeated_prompt(count: TokenCount, response: ModelResponse) -> str:
    """Say that the prompt was billed for each of several answers, where it was."""
    billed, answers = response.usage.prompt_tokens, len(response.choices)
    if not repeats_prompt(count.tokens, billed, answers):
        return ""
    return (
        f"usage reports {billed} prompt tokens for {answers} answers, counted {count.tokens}: the "
        "prompt is billed for each of them"
    )


def _settled_by_usage(card: RateCard, usage: Usage) -> Money:
    """Price a usage; a prompt that is written to a cache costs no less than one that is not."""
    if not usage.cache_write and not usage.cache_write_1h:
        return card.cost(usage)
    unwritten = replace(
        usage,
        input=usage.input + usage.cache_write + usage.cache_write_1h,
        cache_write=0,
        cache_write_1h=0,
    )
    return max(card.cost(usage), card.cost(unwritten))


def _find_excess_cost(
    model: PlannedModel, by_usage: Money, usage: Usage, response: ModelResponse
) -> tuple[str, Money]:
    """Return the highest stated cost above that of the usage at any planned price, as a breach."""
    stated = list(_stated_costs(response))
    if not stated:
        return "", Money()
    expected = max(by_usage, _settled_by_usage(model.reserve, usage))
    above = [
        (cost, name)
        for name, cost in stated
        if cost.pico > expected.pico * _tolerance(name) + _COST_ROUNDING
    ]
    if not above:
        return "", Money()
    cost, name = max(above)
    breach = (
        f"{model.name} states {name} {cost.to_decimal_string()} USD for an answer that costs "
        f"at most {expected.to_decimal_string()} USD at the planned price"
    )
    return breach, cost


def _stated_costs(response: ModelResponse) -> Iterator[tuple[str, Money]]:
    yield from response.costs
    if response.stated_cost is not None:
        yield "a cost of", response.stated_cost


def _is_estimate(name: str) -> bool:
    return name.startswith("estimated")


def _tolerance(name: str) -> Decimal:
    return _ESTIMATE_TOLERANCE if _is_estimate(name) else _COST_TOLERANCE
