"""Booking: what an answered attempt cost.

The provider's usage is billed by the pinned card, or its stated cost is taken where it gives one.
Usage below what can be counted here is not believed: the larger is booked and the difference named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from estimator.survey import PlannedModel
from estimator.tokens import Exactness, TokenCount
from pricing.money import Money
from runner.wire import Reply

# A text counted again may have more tokens than were generated: a model need not write what its
# tokenizer would. What is reported further below the recount than this is not believed.
_RECOUNT, _FEW = 0.75, 8


@dataclass(frozen=True, slots=True)
class Booking:
    """What to settle an attempt at, and why where it differs from the usage."""

    billed: Money
    note: str = ""


def book(
    model: PlannedModel, count: TokenCount, reply: Reply, text: str, max_tokens: int
) -> Booking:
    """Say what an answer cost.

    Args:
        model: with the pinned card.
        count: the prompt as counted here.
        reply: what the provider answered.
        text: its text, without the prefill that some providers repeat.
        max_tokens: what the request allowed; a recount never books more than that.
    """
    usage, notes = reply.usage, []
    if count.exactness is Exactness.EXACT and usage.prompt < count.tokens:
        notes.append(f"usage says {usage.prompt} prompt tokens, counted {count.tokens}")
        usage = replace(usage, input=usage.input + count.tokens - usage.prompt)
    written = min(model.tokenizer.count_text(text), max_tokens)
    exact = model.tokenizer.exactness is Exactness.EXACT
    if written and (usage.output == 0 or (exact and usage.output < _RECOUNT * written - _FEW)):
        notes.append(f"usage says {usage.output} output tokens, counted {written}")
        usage = replace(usage, output=max(written, usage.output))
    billed = model.card.cost(usage)
    if reply.stated_cost is not None:
        billed = max(billed, reply.stated_cost) if notes else reply.stated_cost
    return Booking(billed, "; ".join(notes))
