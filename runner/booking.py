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

# A text counted again may have a few tokens more than were generated: a model need not write the
# shortest sequence of tokens. What is reported further below than this is not believed.
_RECOUNT = 0.9


@dataclass(frozen=True, slots=True)
class Booking:
    """What to settle an attempt at, and why where it differs from the usage."""

    billed: Money
    note: str = ""


def book(model: PlannedModel, count: TokenCount, reply: Reply, text: str) -> Booking:
    """Say what an answer cost.

    Args:
        model: with the pinned card.
        count: the prompt as counted here.
        reply: what the provider answered.
        text: its text, without the prefill that some providers repeat.
    """
    usage, notes = reply.usage, []
    if count.exactness is Exactness.EXACT and usage.prompt < count.tokens:
        notes.append(f"usage says {usage.prompt} prompt tokens, counted {count.tokens}")
        usage = replace(usage, input=usage.input + count.tokens - usage.prompt)
    written = model.tokenizer.count_text(text)
    exact = model.tokenizer.exactness is Exactness.EXACT
    if written and (usage.output == 0 or (exact and usage.output < _RECOUNT * written)):
        notes.append(f"usage says {usage.output} output tokens, counted {written}")
        usage = replace(usage, output=max(written, usage.output))
    billed = model.card.cost(usage)
    if reply.stated_cost is not None and not notes:
        billed = reply.stated_cost
    return Booking(billed, "; ".join(notes))
