"""The price of a model: rate cards, tariffs over time, service tiers, offers."""

from pricing.rates.extra_rates import EXTRA_CLASSES, ExtraRates
from pricing.rates.offer import (
    MAX_PRICE_RATIO,
    PREMIUM_TIERS,
    Offer,
    extract_price_options,
    price_ratio,
    underpricing_ratio,
)
from pricing.rates.rate import Rate
from pricing.rates.rate_card import TOKEN_CLASSES, RateCard, merge_highest
from pricing.rates.service_tiers import SERVICE_TIERS, PriceOptions
from pricing.rates.tariff import Hours, Period, Tariff

__all__ = [
    "EXTRA_CLASSES",
    "MAX_PRICE_RATIO",
    "PREMIUM_TIERS",
    "SERVICE_TIERS",
    "TOKEN_CLASSES",
    "ExtraRates",
    "Hours",
    "Offer",
    "Period",
    "PriceOptions",
    "Rate",
    "RateCard",
    "Tariff",
    "extract_price_options",
    "merge_highest",
    "price_ratio",
    "underpricing_ratio",
]
