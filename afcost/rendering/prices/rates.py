"""Rates, and how far sources differ, as table cells."""

from __future__ import annotations

from decimal import Decimal

from pricing.money import format_per_million
from pricing.rates import Rate, RateCard


def format_rate(rate: Rate | None) -> str:
    """Format a rate for people; `+` marks higher prices for long prompts."""
    if rate is None:
        return ""
    return format_per_million(rate.base) + ("+" if rate.tiers else "")


def format_output(card: RateCard) -> str:
    """Format a card's output price, with the fee for each request where there is one."""
    fee = f" + ${format_per_million(card.per_request)} each" if card.per_request else ""
    return format_rate(card.output) + fee


def format_disagreement(ratio: Decimal | None) -> str:
    """Format how far other sources differ, as `Offer.disagreement_ratio` returns it."""
    if ratio is None:
        return "none"
    return "agree" if ratio == 1 else f"{ratio.normalize():f} x"
