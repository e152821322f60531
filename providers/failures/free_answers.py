"""Answers with usage that their provider documents as not billed.

Anthropic   a refusal before any output: content is empty, and the tokens in `usage` are not
            charged: platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
OpenRouter  an answer that ended with `error`, or has no completion tokens and no finish:
            openrouter.ai/docs/guides/features/zero-completion-insurance. Fees for searches and
            files stay: what it says that it billed is settled. A key of the user's own is billed
            by another provider, of which this says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pricing.money import Money
from providers.failures.failure import Billed, Failure, FailureMeaning, FailureScope
from providers.failures.reading import read_failure
from providers.failures.vendors import find_vendor
from providers.provider import Provider
from providers.reply import ModelResponse

_REFUSALS = "platform.claude.com/docs/en/build-with-claude/refusals-and-fallback"
_INSURANCE = "openrouter.ai/docs/guides/features/zero-completion-insurance"


def read_free_answer(
    provider: Provider, response: ModelResponse, headers: Mapping[str, str], body: bytes
) -> Failure | None:
    """Return why an answer is not billed by its usage; None where it is."""
    vendor = find_vendor(provider).name
    if vendor == "anthropic" and _is_early_refusal(response):
        return Failure(
            response.refusal or "refused before any output",
            FailureMeaning.FILTERED,
            FailureScope.REQUEST,
            Billed.NO,
            source=_REFUSALS,
        )
    if vendor == "openrouter" and _is_insured(response, body):
        found = read_failure(provider, 200, headers, body, None, "it ended without an answer")
        return replace(found, billed=Billed.NO, source=_INSURANCE)
    return None


def _is_early_refusal(response: ModelResponse) -> bool:
    written = response.text or response.reasoning or response.other_texts or response.least_output
    nothing_else = not response.extras and not response.other_models
    return (
        response.finish == "refusal" and not written and response.usage.output == 0 and nothing_else
    )


def _read_finish(body: bytes) -> object:
    """Return why an answer ended, as the router itself says it."""
    try:
        return json.loads(body)["choices"][0].get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None


def _is_insured(response: ModelResponse, body: bytes) -> bool:
    """Return whether the insurance covers an answer, and nothing else is left to bill for it."""
    if response.raw_usage.get("is_byok") is True:
        return False
    if response.stated_cost is None and (response.extras or response.cites_web):
        return False
    written = response.text or response.reasoning or response.other_texts or response.least_output
    nothing = response.usage.output == 0 and not written
    ends = [each.finish for each in response.choices] or [response.finish]
    if not nothing and any(end != "error" for end in ends):  # one of several answers is one
        return False
    if (said := _read_finish(body)) == "error":
        return True
    return nothing and str(said or "none").lower() in {"none", "null"} and not _costs(response)


def _costs(response: ModelResponse) -> bool:
    return response.stated_cost is not None and response.stated_cost > Money()
