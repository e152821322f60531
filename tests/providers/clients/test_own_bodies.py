"""What this program's own APIs write is read back to what it was written from."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts import Message
from providers.apis import find_api
from providers.capabilities import Capability, find_capability
from providers.clients import ClientApi, read_call, write_body
from providers.provider import Provider
from tests.providers.test_requests_and_replies import KNOWN, request
from tests.runner.sample_experiment import STEADY

APIS = {
    "openai": ClientApi.CHAT,
    "deepinfra": ClientApi.CHAT,
    "mistral": ClientApi.CHAT,
    "openrouter": ClientApi.CHAT,
    "responses": ClientApi.RESPONSES,
    "anthropic": ClientApi.MESSAGES,
    "google": ClientApi.GENERATE,
}
RECORDS = {
    "responses": Capability(endpoint="responses", takes_unknown=True),
    "google": Capability(endpoint="generate", limit_field="maxOutputTokens", takes_unknown=True),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
TURNS = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=4
)
SAMPLING = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 10**6)},
    optional={
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0.01, 1),
        "stop": st.just(["END"]),
    },
)


def build(provider, sent):
    to = KNOWN.get(provider, provider)
    record = RECORDS.get(provider) or find_capability(to, "some-model")
    return find_api(to, record).build_body(to, "some-model", sent, record)


def read(provider, body):
    return read_call(APIS[provider], json.dumps(body).encode(), model="some-model")


@pytest.mark.parametrize("provider", APIS)
@settings(STEADY, max_examples=12)
@given(system=st.none() | TEXTS, turns=TURNS, sampling=SAMPLING, choices=st.integers(1, 8))
def test_messages_limit_and_choices_are_read_back(provider, system, turns, sampling, choices):
    messages = [*([Message("system", system)] if system else []), *turns]
    sent = request(*messages, **sampling)
    body = build(provider, sent)
    takes_several = APIS[provider] is ClientApi.CHAT and choices > 1
    call = read(provider, body | ({"n": choices} if takes_several else {}))
    assert call.messages == tuple(messages)
    assert call.limit == sampling["max_tokens"]
    assert call.choices == (choices if takes_several else 1)
    assert call.is_exact
    assert call.model == "some-model"
    assert not call.is_streamed
    assert json.loads(write_body(call, limit=5)) == json.loads(call.sent)


def test_a_schema_is_beside_the_messages():
    schema = {"type": "json_schema", "json_schema": {"name": "v", "schema": {"type": "array"}}}
    sent = request(Message("user", "Hi"), response_format=schema)
    for provider in ("openai", "responses", "google"):
        call = read(provider, build(provider, sent))
        assert "array" in "".join(call.beside)
        assert call.messages == (Message("user", "Hi"),)


def test_reasoning_and_tiers_are_options():
    own = Provider("mine", "openai", "http://localhost:8000/v1")
    body = build("openai", request(Message("user", "Hi"))) | {"reasoning_effort": "low"}
    assert read("openai", body).options == {"service_tier": "default", "reasoning_effort": "low"}
    body = build(own, request(Message("user", "Hi"), extra={"enable_thinking": False}))
    assert read("deepinfra", body).options == {"enable_thinking": False}
