"""One model is one family: it counts alike at every provider, and as its base where it is tuned."""

from __future__ import annotations

import pytest

from estimator.counting import Exactness, find_family, find_family_tokenizer
from experiment.prompts import Message
from pricing.catalog import list_aliases, provider_ids

# Alias at a provider that truly serves another vocabulary or template, and why; none is known.
SERVED_OTHERWISE: dict[tuple[str, str], str] = {}
MESSAGES = (Message("system", "You are terse."), Message("user", "Name the capital of France."))


@pytest.mark.parametrize("alias", list_aliases())
def test_an_alias_is_one_family_at_all_its_providers(alias):
    families = {
        provider: find_family(model_id).name
        for provider, model_id in {**provider_ids(alias), "": alias}.items()
        if (alias, provider) not in SERVED_OTHERWISE
    }
    assert len(set(families.values())) == 1, families


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("global.anthropic.claude-opus-4-8-v1:0", "claude-opus-4-8"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4.5"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini-2024-07-18"),
        ("llama3.1:8b", "meta-llama/Meta-Llama-3.1-8B-Instruct"),
        ("llama3.1:8b-instruct-q4_K_M", "meta-llama/Meta-Llama-3.1-8B-Instruct"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-3.1-8b-instant"),
        ("gemma3:27b", "google/gemma-3-27b-it"),
        ("qwen3:32b", "Qwen/Qwen3-32B"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-0"),
        ("deepseek.r1-v1:0", "deepseek-ai/DeepSeek-R1"),
    ],
)
def test_two_spellings_of_a_model_count_alike(one, other):
    assert find_family(one) is find_family(other)
    counts = [find_family_tokenizer(name).count(MESSAGES) for name in (one, other)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "model_id",
    ["openai.gpt-oss-120b-1:0", "ft:gpt-4o-mini-2024-07-18:org::id", "llama3.1:8b", "qwen3:8b"],
)
def test_a_model_that_is_counted_exactly_is_so_wherever_it_is_served(model_id):
    assert find_family(model_id).exactness is Exactness.EXACT


@pytest.mark.parametrize(
    "model_id",
    ["deepseek-r1:8b", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "qwen3:30b-a3b-instruct-2507",
     "llama3.2-vision:11b", "Qwen/Qwen3-4B-Thinking-2507"],
)  # fmt: skip
def test_a_model_with_another_template_is_not_counted_as_its_namesake(model_id):
    assert find_family(model_id).exactness is not Exactness.EXACT
