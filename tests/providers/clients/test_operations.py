"""Paths of real clients lead to the same operation below a provider's base URL."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.clients import ClientApi, OperationKind, find_operation, write_refusal
from providers.clients.refusals import write_stream_error
from providers.provider import Provider
from tests.runner.sample_experiment import STEADY
from tests.support.rows import check_each

CHAT, RESPONSES, MESSAGES, GENERATE = ClientApi
CALLS = [  # the clients of each row are in the table of tests/runner/gateway
    ("openai/v1/chat/completions", "openai", CHAT, "/chat/completions"),
    ("openai/chat/completions", "openai", CHAT, "/chat/completions"),
    ("/openai//v1/chat/completions/", "openai", CHAT, "/chat/completions"),
    ("openai/v1/responses", "openai", RESPONSES, "/responses"),
    ("anthropic/v1/messages", "anthropic", MESSAGES, "/messages"),
    ("anthropic/messages", "anthropic", MESSAGES, "/messages"),
    ("together/v1/v1/chat/completions", "together", CHAT, "/chat/completions"),
    ("groq/openai/v1/chat/completions", "groq", CHAT, "/chat/completions"),
    ("groq/chat/completions", "groq", CHAT, "/chat/completions"),
    ("openrouter/api/v1/chat/completions", "openrouter", CHAT, "/chat/completions"),
    ("fireworks/inference/v1/chat/completions", "fireworks", CHAT, "/chat/completions"),
    ("zai/api/paas/v4/chat/completions", "zai", CHAT, "/chat/completions"),
    ("google/v1beta/openai/chat/completions", "google", CHAT, "/openai/chat/completions"),
    ("mine/v1/chat/completions", "mine", CHAT, "/chat/completions"),
    ("mine/openai/v1/responses", "mine", RESPONSES, "/responses"),
    ("google/v1beta/models/gemini-x:generateContent", "google", GENERATE, None),
    ("google/models/gemini-x:generateContent", "google", GENERATE, None),
    ("google/v1/models/gemini-x:streamGenerateContent", "google", GENERATE, None),
    ("mine/v1beta/models/gemini-x:generateContent", "mine", GENERATE, None),
]


def check_call(path, provider, api, below):
    found = find_operation(path)
    assert (found.kind, found.provider, found.api) == (OperationKind.CALL, provider, api)
    if below is None:
        method = "streamGenerateContent" if "stream" in path else "generateContent"
        assert (found.path, found.model) == (f"/models/gemini-x:{method}", "gemini-x")
        assert found.is_streamed is ("stream" in path)
    else:
        assert (found.path, found.model, found.is_streamed) == (below, None, False)
    assert (found.method, found.status, found.reason) == ("POST", 200, "")


def test_calls_are_found_however_a_client_writes_their_path():
    check_each(CALLS, check_call)


FREE = [
    ("openai/v1/models", "GET", "/models"),
    ("openai/v1/models/gpt-4.1", "GET", "/models/gpt-4.1"),
    ("openrouter/api/v1/models/meta-llama/llama-3:free", "GET", "/models/meta-llama/llama-3:free"),
    ("anthropic/v1/models", "GET", "/models"),
    ("anthropic/v1/messages/count_tokens", "POST", "/messages/count_tokens"),
    ("openai/v1/responses/input_tokens", "POST", "/responses/input_tokens"),
    ("google/v1beta/models", "GET", "/models"),
    ("google/v1beta/models/gemini-x", "GET", "/models/gemini-x"),
    ("google/v1beta/models/gemini-x:countTokens", "POST", "/models/gemini-x:countTokens"),
    ("mine/v1/models", "GET", "/models"),
]


def check_free(path, method, below):
    found = find_operation(path)
    assert (found.kind, found.method, found.path) == (OperationKind.FREE, method, below)


def test_what_costs_nothing_is_passed_on():
    check_each(FREE, check_free)


REFUSED = [
    ("openai/v1/embeddings", 400),
    ("openai/v1/completions", 400),
    ("openai/v1/images/generations", 400),
    ("openai/v1/audio/speech", 400),
    ("openai/v1/files", 400),
    ("openai/v1/batches", 400),
    ("anthropic/v1/messages/batches", 400),
    ("openai/v1/responses/compact", 404),
    ("openai/v1/responses/resp_1", 400),
    ("mistral/v1/conversations", 400),
    ("google/v1beta/models/m:batchEmbedContents", 400),
    ("google/v1beta/models/m:predict", 400),
    ("google/v1beta/cachedContents", 400),
    ("openai/v1/of_a_later_year", 404),
    ("openai/v1/chat/completions/../../files", 404),
    ("openai/v1/%2e%2e/admin", 404),
    ("google/v1beta/models/..%2f..%2fx:generateContent", 404),
    ("google/v1beta/models/a?b:generateContent", 404),
    ("openai/v1/models/%0d%0aHost: x", 404),
    ("openai", 404),
    ("", 404),
]


def check_refused(path, status):
    found = find_operation(path)
    assert (found.kind, found.path) == (OperationKind.REFUSED, "")
    assert "afcost does not pass" in found.reason
    assert found.status in (status, 400)


def test_all_else_is_refused_with_a_reason():
    check_each(REFUSED, check_refused)


def test_a_provider_of_ones_own_decides_by_its_base_url():
    own = {"mine": Provider("mine", "openai", "http://localhost:8000/llm/v1")}
    assert find_operation("mine/llm/v1/chat/completions", own).path == "/chat/completions"
    assert find_operation("mine/llm/v1/chat/completions").kind is OperationKind.REFUSED


def test_the_prefixes_of_a_providers_clients_hold_at_another_address_too():
    own = {"groq": Provider("groq", "openai", "http://localhost:8000/v1")}
    assert find_operation("groq/openai/v1/chat/completions", own).path == "/chat/completions"


def test_a_model_in_a_path_may_be_escaped_and_is_escaped_again():
    found = find_operation("mine/v1beta/models/google%2Fgemini-x:generateContent")
    assert found.model == "google/gemini-x"
    assert found.path == "/models/google%2Fgemini-x:generateContent"


@settings(STEADY, max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["openai", "google", "v1", "models", "..", "%2e", "a:b", "responses", "\n", "?"]
        )
        | st.text(max_size=4)
    )
)
def test_no_path_leads_above_the_base_url(words):
    found = find_operation("/".join(words))
    assert found.kind is OperationKind.REFUSED or found.path.startswith("/")
    assert ".." not in found.path.split("/")
    assert "%2e" not in found.path.lower()
    assert found.path.isprintable()


def test_a_refusal_has_the_form_of_its_api_and_is_not_retried():
    message = "afcost: cap of $5.00 reached"
    bodies = {}
    for api in (*ClientApi, None):
        headers, body = write_refusal(api, 402, message, "budget_exceeded")
        assert headers == {"content-type": "application/json", "x-should-retry": "false"}
        bodies[api] = body.decode()
    plain = (
        f'{{"message":"{message}","type":"budget_exceeded","param":null,"code":"budget_exceeded"}}'
    )
    assert bodies[CHAT] == bodies[RESPONSES] == f'{{"error":{plain}}}'
    error = f'{{"type":"budget_exceeded","message":"{message}"}}'
    assert bodies[MESSAGES] == f'{{"type":"error","error":{error}}}'
    assert bodies[GENERATE] == (
        f'{{"error":{{"code":402,"message":"{message}","status":"BUDGET_EXCEEDED"}}}}'
    )
    assert '"type":"error"' in bodies[None]


@pytest.mark.parametrize("api", ClientApi)
def test_an_error_in_a_stream_is_an_event_of_its_own(api):
    event = write_stream_error(api, "It\nbroke.")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n\n") == 1
    assert event.startswith(b"event: error\n" if api in (RESPONSES, MESSAGES) else b"data: {")
