"""The recorder notes what passed, and changes nothing."""

import http.client

import pytest

from tests.support.http_client import post
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.server import run_provider
from tests.support.recording_proxy import run_recorder
from tests.support.waiting import wait_until, wait_until_billed

BODY = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Hé!"}]}


@pytest.fixture(scope="module")
def provider():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def recorder(provider):
    provider.reset(Behaviour())
    with run_recorder(provider.url) as recorder:
        yield recorder


def test_an_answer_passes_through_and_is_noted(provider, recorder):
    provider.reset(Behaviour(api_key="k"))
    answer = post(f"{recorder.url}/v1/messages", BODY, headers={"x-api-key": "k"})
    assert answer.status == 200
    (call,) = recorder.calls
    assert (call.path, call.status) == ("/v1/messages", 200)
    assert call.request_body == BODY
    assert call.response_body == answer.json
    assert call.usage["output_tokens"] == provider.bill().output_tokens == 32
    assert 0 < call.started <= call.ended


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_the_usage_of_a_stream_is_noted(provider, recorder, path):
    asked = {"input": "Hi"} if path == "/v1/responses" else BODY
    usage = {"stream_options": {"include_usage": True}} if "chat" in path else {}
    post(f"{recorder.url}{path}", {"model": "m"} | asked | usage | {"stream": True})
    (call,) = recorder.calls
    output = call.usage.get("output_tokens", call.usage.get("completion_tokens"))
    assert output == provider.bill().output_tokens == 32
    assert call.response_body is None


def test_an_error_keeps_its_status_and_headers(provider, recorder):
    provider.reset(Behaviour(faults=(Fault("429", calls=(1,), retry_after=3),)))
    answer = post(f"{recorder.url}/v1/chat/completions", BODY)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    (call,) = recorder.calls
    assert (call.status, call.usage) == (429, None)


def test_broken_json_passes_through(provider, recorder):
    provider.reset(Behaviour(faults=(Fault("malformed", calls=(1,)),)))
    assert post(f"{recorder.url}/v1/chat/completions", BODY).text.startswith('{"id"')
    assert recorder.calls[0].response_body is None


def test_a_cut_upstream_cuts_the_client(provider, recorder):
    provider.reset(Behaviour(faults=(Fault("cut_after", calls=(1,)),)))
    with pytest.raises(http.client.RemoteDisconnected):
        post(f"{recorder.url}/v1/chat/completions", BODY)
    (call,) = recorder.calls
    assert (call.status, call.request_body, call.usage) == (None, BODY, None)


def test_a_client_that_leaves_takes_the_upstream_call_with_it(provider, recorder):
    provider.reset(Behaviour(faults=(Fault("stall", calls=(1,)),)))
    billed = lambda: wait_until_billed(provider, 1)  # noqa: E731
    with pytest.raises(TimeoutError):
        post(f"{recorder.url}/v1/chat/completions", BODY, timeout=0.3, when_sent=billed)
    wait_until(lambda: provider.bill().calls[0].ended and recorder.calls)
    assert recorder.calls[0].status is None
    assert provider.bill().calls[0].ended is not None
