"""Canonical ids: one model has one, however its host writes it; a real name is never cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalog import canonical_id


@pytest.mark.parametrize(
    ("model_id", "bare"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("regional.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
        ("global.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic.claude-v2:1", "claude-v2"),
        ("anthropic.claude-instant-v1", "claude-instant-v1"),
        ("meta.llama3-1-8b-instruct-v1:0", "llama3-1-8b-instruct"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("openai.gpt-5.4", "gpt-5.4"),
        ("deepseek.r1-v1:0", "deepseek-r1"),
        ("regional.deepseek.v3.2", "deepseek-v3.2"),
        ("deepseek.v3-v1:0", "deepseek-v3.1"),
        ("qwen.qwen3-32b-v1:0", "qwen3-32b"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-7b-instruct-v0.2"),
        ("nvidia.nemotron-nano-9b-v2:0", "nemotron-nano-9b-v2"),
        ("nvidia.nemotron-nano-12b-v2", "nemotron-nano-12b-v2"),
        ("moonshot.kimi-k2-thinking", "kimi-k2-thinking"),
        ("regional.xai.grok-4.7", "grok-4.7"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-pro-v1:0", "nova-pro"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini-2024-07-18"),
        ("ft:gpt-4.1-2025-04-14:org:my/name:id:ckpt-step-90", "gpt-4.1-2025-04-14"),
        ("gpt-4o-mini-2024-07-18.ft-0ab1c2", "gpt-4o-mini-2024-07-18"),
        ("llama3.1:8b", "llama3.1-8b"),
        ("llama3.1:70b-instruct-q4_K_M", "llama3.1-70b-instruct"),
        ("qwen3:30b-a3b-instruct-2507-q4_K_M", "qwen3-30b-a3b-instruct-2507"),
        ("gemma3n:e4b", "gemma3n-e4b"),
        ("mixtral:8x7b", "mixtral-8x7b"),
        ("phi4:latest", "phi4"),
        ("qwen-3-32b", "qwen3-32b"),
        ("qwen/qwen-2.5-72b-instruct", "qwen2.5-72b-instruct"),
        ("zai-glm-4.7", "glm-4.7"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "llama-3.1-8b-instruct-turbo"),
        ("google/gemma-3-27b-it:free", "gemma-3-27b-it"),
        ("openai/gpt-4o:nitro", "gpt-4o"),
        ("moonshotai/kimi-k2-0905:exacto", "kimi-k2-0905"),
        ("anthropic/claude-3.7-sonnet:thinking", "claude-3.7-sonnet"),
        ("openai/gpt-4o:online", "gpt-4o"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-20250514"),
        ("claude-opus-4-6@default", "claude-opus-4-6"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-v3.1-8b-instruct"),
        ("accounts/fireworks/models/kimi-k2p6#accounts/me/deployments/1", "kimi-k2.6"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("meta-llama/Llama-3.1-8B-Instruct:novita", "llama-3.1-8b-instruct"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),
        ("qwen2.5-72b-instruct", "qwen2.5-72b-instruct"),
        ("phi-3.5-mini-128k-instruct", "phi-3.5-mini-128k-instruct"),
        ("Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b-instruct-v0.1"),
        ("o3", "o3"),
        ("/", "/"),
        (":free", ":free"),
    ],
)
def test_what_a_host_adds_is_taken_away_and_a_name_is_never_cut(model_id, bare):
    assert canonical_id(model_id) == bare


@given(st.one_of(st.text(), st.from_regex(r"(us\.)?[a-z]{0,9}[./:@#-]{0,2}[a-z0-9.:/@p-]{0,20}")))
def test_a_canonical_id_is_its_own_and_never_empty(model_id):
    bare = canonical_id(model_id)
    assert canonical_id(bare) == bare
    assert bool(bare) == bool(model_id)
