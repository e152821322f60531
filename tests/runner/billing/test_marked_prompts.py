"""A marked prompt is reserved as if all of it were written, and read no further than its mark."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from estimator.counting.token_count import Exactness, TokenCount
from experiment.prompts.request import CacheMark, Message, Request
from pricing.catalog import ModelName
from pricing.rates.rate_card import Rate, RateCard
from pricing.usage import Usage
from providers.reply import ModelResponse
from runner.billing.settlement import compute_settlement
from tests.runner.billing.test_settlement import model

CARD = RateCard(
    "anthropic",
    "claude-x",
    input=Rate(Decimal(4)),
    output=Rate(Decimal(20)),
    cache_read=Rate(Decimal("0.4")),
    cache_write=Rate(Decimal(5)),
    cache_write_1h=Rate(Decimal(8)),
)
CLAUDE = replace(
    model("claude-x"), name=ModelName("x", "anthropic", "claude-x"), card=CARD, reserve=CARD
)
COUNT = TokenCount(3000, Exactness.APPROXIMATE, 3500)


def mark(keep):
    return CacheMark("key", 1, keep, 2500)


@pytest.mark.parametrize(("keep", "rate"), [(None, 4), ("5m", 5), ("1h", 8)])
def test_all_of_a_marked_prompt_is_reserved_at_the_price_of_its_write(keep, rate):
    card = CLAUDE.reserve_for(mark(keep) if keep else None)
    assert card.worst_case_cost(1000, 10).as_float == pytest.approx((1000 * rate + 200) / 1e6)
    unasked = replace(CLAUDE, reserve=replace(CARD, writes_unasked=True))
    assert unasked.reserve_for(mark("5m")) is unasked.reserve, "which covers all writes"


@pytest.mark.parametrize(
    ("keep", "read", "believed"),
    [("5m", 2400, 2400), ("1h", 2900, 2500), (None, 2400, 0)],
)
def test_what_is_said_to_be_read_beyond_the_mark_is_booked_as_input(keep, read, believed):
    request = Request(
        "id", "subject", "x", "all", 0, 0, (Message("user", "Hello!"),), {"max_tokens": 100},
        mark=mark(keep) if keep else None,
    )  # fmt: skip
    usage = Usage(3000 - read, 10, cache_read=read)
    reply = ModelResponse("", "", "stop", usage, None, "claude-x", "id", {})
    reserved = CLAUDE.reserve_for(request.mark).worst_case_cost(COUNT.bound, 100)
    found = compute_settlement(CLAUDE, CARD, COUNT, request, reply, "", reserved)
    expected = CARD.cost(Usage(3000 - believed, 10, cache_read=believed))
    assert found.billed == expected
    assert ("cached tokens" in found.note) == (believed < read)
