"""The names by which a provider says that money is out stop a run wherever they come from.

A gateway, or a provider of the user's own, passes on the names of the provider behind it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from providers.failures import FailureMeaning, FailureScope, read_failure
from providers.registry import builtin_providers

MONEY, SPEND = FailureMeaning.OUT_OF_MONEY, FailureMeaning.SPEND_LIMIT


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("exceeded_current_quota_error", MONEY),
        ("enforced_spend_limit_reached", SPEND),
        ("contract_spend_limit_reached", SPEND),
        ("linked_organization_spend_limit_reached", SPEND),
        ("organization_usage_limit_exceeded", SPEND),
    ],
)
def test_a_name_of_money_is_money_at_any_provider(kind, name, means):
    gateway = replace(
        builtin_providers()["deepinfra"], name="mine", base_url="http://127.0.0.1:1/v1", kind=kind
    )
    body = json.dumps({"error": {"type": name, "message": "Please check your plan."}}).encode()
    failure = read_failure(gateway, 429, {}, body, None)
    assert failure.meaning is means
    assert (failure.scope, failure.retries) == (FailureScope.ACCOUNT, False)
