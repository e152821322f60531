"""What each provider's batches are like, and names by which they are known again."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from pricing.rates.offer import LONGEST_BATCH
from providers.batches import find_batch_limits, name_chunk, name_line, parse_line_name
from providers.batches.apis import build_target, find_batch_api
from providers.registry import builtin_providers
from runner.transport.batches.downloads import MOST_INLINE

WITH_BATCHES = (
    *("openai", "anthropic", "google", "openrouter"),
    *("mistral", "groq", "deepinfra", "together"),
)


def test_each_provider_with_limits_is_spoken_to_and_no_other():
    for name, provider in builtin_providers().items():
        limits = find_batch_limits(provider)
        assert (limits is not None) == (name in WITH_BATCHES), name
        assert (find_batch_api(provider) is not None) == (limits is not None)


@pytest.mark.parametrize("name", WITH_BATCHES)
def test_a_row_is_complete(name):
    provider = builtin_providers()[name]
    limits, api = find_batch_limits(provider), find_batch_api(provider)
    assert limits.requests >= 5_000
    assert limits.bytes >= 100_000_000
    assert timedelta(hours=24) <= timedelta(hours=limits.hours) <= LONGEST_BATCH
    assert (limits.answer_bytes is not None) == api.inlines_results
    assert (limits.answer_bytes or 0) <= MOST_INLINE
    assert limits.sources
    assert re.fullmatch(r"2026-\d\d-\d\d", limits.checked)
    assert limits.cancels == bool(api.cancel_url(build_target(provider, "m", ""), "b1"))


def test_a_server_that_speaks_another_api_has_none_that_is_known():
    other = replace(builtin_providers()["anthropic"], kind="openai")
    assert find_batch_api(other) is None


def test_a_line_of_ours_tells_its_chunk():
    chunk = name_chunk("a ledger", 12)
    line = name_line(chunk, 99_999)
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", line)
    assert parse_line_name(line) == (chunk, 99_999)
    assert chunk != name_chunk("another ledger", 12)
    for other in ("", "afc-1-2", f"not-{line}", f"{line}-1", chunk):
        assert parse_line_name(other) is None


def test_the_endpoint_is_that_of_calls():
    openai = builtin_providers()["openai"]
    target = build_target(openai, "m", f"{openai.base_url}/responses")
    assert target.endpoint == "/v1/responses"
