"""Model names, retirements and billing rules, as dated data."""

from pricing.catalog.alias_table import find_context_window, list_aliases, provider_ids
from pricing.catalog.billing_rules import (
    CachingRule,
    PriceFactor,
    SearchFee,
    bills_unrequested_writes,
    calculate_fee,
    describe_fee,
    find_caching_rule,
    find_highest_extra_rate,
    find_host_factor,
    find_option_factor,
    find_region_rule,
    find_search_fee,
    limit_hours_to_weekdays,
)
from pricing.catalog.canonical_ids import canonical_id
from pricing.catalog.listed_ids import find_global_id, find_regional_id, list_price_ids
from pricing.catalog.model_identity import is_same_family, is_same_model
from pricing.catalog.model_names import ModelName, at_provider, resolve_model_name
from pricing.catalog.retirements import Retirement, find_retirement
from pricing.catalog.spellings import find_meaning
from pricing.catalog.suggestions import explain_unpriced

__all__ = [
    "CachingRule",
    "ModelName",
    "PriceFactor",
    "Retirement",
    "SearchFee",
    "at_provider",
    "bills_unrequested_writes",
    "calculate_fee",
    "canonical_id",
    "describe_fee",
    "explain_unpriced",
    "find_caching_rule",
    "find_context_window",
    "find_global_id",
    "find_highest_extra_rate",
    "find_host_factor",
    "find_meaning",
    "find_option_factor",
    "find_region_rule",
    "find_regional_id",
    "find_retirement",
    "find_search_fee",
    "is_same_family",
    "is_same_model",
    "limit_hours_to_weekdays",
    "list_aliases",
    "list_price_ids",
    "provider_ids",
    "resolve_model_name",
]
