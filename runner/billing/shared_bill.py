"""Shared bills: what each of several answers to one request is booked at.

A provider says what all of them cost together. Each answer is booked its own part of the output, in
proportion to what it shows; the first has the prompt and whatever else was billed. The parts are
whole tokens and whole pico-dollars, and their sums are what was billed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from estimator.counting import Tokenizer
from pricing.money import Money
from pricing.usage import Usage
from providers.reply import Choice, ModelResponse
from runner.billing.settlement import Settlement


@dataclass(frozen=True, slots=True)
class BilledAnswer:
    """One of the answers to a request.

    Attributes:
        response: of the provider, with this answer alone and its part of the usage.
        billed: its part of the amount.
    """

    response: ModelResponse
    billed: Money


def split_bill(
    response: ModelResponse,
    settlement: Settlement,
    vocabulary: Tokenizer,
    max_tokens: int,
    wanted: int,
) -> list[BilledAnswer]:
    """Split what a response was billed over its answers.

    Args:
        response: with its answers in `choices`, or with one.
        settlement: of all of it.
        vocabulary: counts what each answer shows.
        max_tokens: of each answer.
        wanted: how many answers were asked for; what is beyond them is billed and not kept.
    """
    choices = response.choices[:wanted]
    if len(choices) < 2:  # noqa: PLR2004 - one answer has the whole bill
        return [BilledAnswer(response, settlement.billed)]
    shown = [vocabulary.count_text(each.text + each.reasoning) for each in choices]
    outputs = split_output(response.usage.output, shown, max_tokens)
    hidden = split_whole(response.usage.reasoning, outputs)
    amounts = split_whole(settlement.output.pico, outputs)
    amounts[0] += settlement.billed.pico - settlement.output.pico
    usages = [Usage(0, output, reasoning=h) for output, h in zip(outputs, hidden, strict=True)]
    usages[0] = replace(response.usage, output=outputs[0], reasoning=hidden[0])
    return _share(response, choices, usages, amounts)


def _share(
    response: ModelResponse, choices: Sequence[Choice], usages: list[Usage], amounts: list[int]
) -> list[BilledAnswer]:
    stated = response.stated_cost
    costs = [None] * len(choices) if stated is None else split_whole(stated.pico, amounts)
    of_all = [(name, split_whole(cost.pico, amounts)) for name, cost in response.costs]
    shared = []
    for number, (choice, usage, amount) in enumerate(zip(choices, usages, amounts, strict=True)):
        cost = costs[number]
        raw = {"choice": number, "choices": len(choices)} | (
            {name: Money(parts[number]).to_decimal_string() for name, parts in of_all}
            | ({} if number else {"of_all": response.raw_usage})
        )
        one = replace(
            response,
            text=choice.text,
            reasoning=choice.reasoning,
            finish=choice.finish or ("" if _shows_something(choice) else "error"),
            refusal=choice.refusal,
            note=choice.note,
            usage=usage,
            stated_cost=None if cost is None else Money(cost),
            raw_usage=raw,
            choices=(),
        )
        shared.append(BilledAnswer(one, Money(amount)))
    return shared


def _shows_something(choice: Choice) -> bool:
    return bool(choice.text or choice.reasoning or choice.refusal)


def split_output(total: int, shown: Sequence[int], most: int) -> list[int]:
    """Split output tokens over answers in proportion to what each shows.

    Each has one at least, for its end, and none more than the most that it may have, as far as
    that is possible.

    Args:
        total: of all answers.
        shown: tokens of what each shows.
        most: that each may have.
    """
    least = 1 if total >= len(shown) else 0
    full: set[int] = set()
    while True:
        left = total - least * (len(shown) - len(full)) - most * len(full)
        weights = [0 if number in full else tokens for number, tokens in enumerate(shown)]
        open_ = [number for number in range(len(shown)) if number not in full]
        if not any(weights):
            weights = [int(number not in full) for number in range(len(shown))]
        parts = split_whole(left, weights)
        over = {number for number in open_ if least + parts[number] > most}
        if not over or len(over) == len(open_):
            break
        full |= over
    return [most if n in full else least + part for n, part in enumerate(parts)]


def split_whole(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to weights into whole parts, of which it is the sum."""
    ends = list(accumulate(weights if any(weights) else [1] * len(weights)))
    cuts = [total * end // ends[-1] for end in ends]
    return [end - start for start, end in pairwise([0, *cuts])]
