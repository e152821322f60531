"""Marks are written as Anthropic takes them and as OpenRouter passes them on."""

from __future__ import annotations

import pytest

from experiment.prompts.request import CacheMark, Message, Request
from providers.apis import find_api
from providers.capabilities import find_capability
from providers.registry import load_providers

KNOWN = load_providers({})
SYSTEM, SHOT, QUERY = (
    Message("system", "Rules."),
    Message("user", "An example."),
    Message("user", "Why?"),
)
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


def body(provider, model, messages, marked, keep="5m"):
    mark = CacheMark("key", marked, keep, 2000)
    request = Request("id", "subject", "m", "all", 0, 0, messages, {"max_tokens": 9}, mark=mark)
    to = KNOWN[provider]
    return find_api(to).build_body(to, model, request, find_capability(to, model))


def part(text, kind):
    return [{"type": "text", "text": text, "cache_control": kind}]


@pytest.mark.parametrize(("keep", "kind"), [("5m", FIVE), ("1h", HOUR)])
def test_anthropic_is_told_where_the_shared_text_ends(keep, kind):
    sent = body("anthropic", "claude-opus-5.5", (SYSTEM, QUERY), 1, keep)
    assert sent["system"] == part("Rules.", kind)
    assert sent["messages"] == [{"role": "user", "content": "Why?"}]


def test_of_several_shared_messages_the_last_turn_is_marked():
    sent = body("anthropic", "claude-opus-5.5", (SYSTEM, SHOT, QUERY), 2)
    assert sent["system"] == "Rules."
    assert sent["messages"][0]["content"] == part("An example.", FIVE)
    assert sent["messages"][1]["content"] == "Why?"


def test_openrouter_is_given_a_part_of_a_message():
    sent = body("openrouter", "anthropic/claude-opus-5.5", (SYSTEM, QUERY), 1)
    assert [each["content"] for each in sent["messages"]] == [part("Rules.", FIVE), "Why?"]


@pytest.mark.parametrize("provider", ["openai", "google", "anthropic", "openrouter"])
def test_where_nothing_is_to_be_marked_the_body_is_as_without(provider):
    assert "cache_control" not in str(body(provider, "m", (SYSTEM, QUERY), 0, None))
