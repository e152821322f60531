"""What became of the money decides the outcome, whatever a provider does."""

import asyncio
import json
import socket

import pytest
from aiohttp import web

from experiment.prompts.request import Message, Request
from pricing.catalog.model_names import ModelName
from pricing.usage import Usage
from providers.capabilities import Capability
from providers.error_body import extract_error_message
from providers.failures import Billed, FailureScope
from providers.provider import Provider
from runner.errors import CannotSend
from runner.transport import HttpTransport, require_api_key
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.server import run_provider

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"
NAME = ModelName("mine/some-model", "mine", "some-model")
REQUEST = Request(
    id="id",
    stage="subject",
    model="mine/some-model",
    condition="all",
    query=0,
    sample=0,
    messages=(Message("user", "Hello!"),),
    sampling={"max_tokens": 100},
)
KINDS = pytest.mark.parametrize("kind", ["openai", "anthropic", "responses", "google"])


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


def stops(outcome: Outcome) -> bool:
    """Return whether an outcome concerns more than its request, for good."""
    failure = outcome.failure
    assert failure is not None
    return failure.scope is not FailureScope.REQUEST and not failure.retries


def send(url, *, kind="openai", timeout=10.0, times=1, capability=None):
    """Send a request, several times one after the other over one pool; give the last outcome."""
    provider = Provider("mine", kind, url, api_key_env=("MY_LAB_KEY",))
    known = {NAME: capability} if capability else {}

    async def sending():
        async with HttpTransport({"mine": provider}, timeout, capabilities=known) as sender:
            return [await sender.send(NAME, REQUEST) for _ in range(times)][-1]

    return asyncio.run(sending())


def test_what_a_provider_would_refuse_is_not_sent_and_costs_nothing(server):
    server.reset()
    outcome = send(f"{server.url}/v1", capability=Capability(max_output=10))
    assert isinstance(outcome, NotBilled)
    assert not stops(outcome)
    assert "lower it to at most 10" in outcome.reason
    assert server.bill().calls == ()


def outcome_of(server, fault, **how):
    behaviour = Behaviour(faults=(fault,), output_tokens=20, input_tokens=9)
    server.reset(behaviour)
    return send(f"{server.url}/v1", **how)


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_LAB_KEY", KEY)


@KINDS
def test_an_answer_carries_the_usage_that_was_billed(server, kind):
    server.reset(Behaviour(input_tokens=50, cache_read_tokens=30, output_tokens=20, api_key=KEY))
    outcome = send(f"{server.url}/v1", kind=kind)
    assert isinstance(outcome, Answered)
    assert outcome.response.usage == Usage(20, 20, cache_read=30)
    assert outcome.response.text.startswith("<OUTPUT><request_fully_accepted/>")
    assert len(server.bill().billed) == 1


@KINDS
def test_too_many_requests_cost_nothing_and_may_be_sent_after_the_wait_asked_for(server, kind):
    outcome = outcome_of(server, Fault("429", calls=(1,), retry_after=2.5), kind=kind)
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome), outcome.failure.wait) == (True, False, 2.5)
    assert "429" in outcome.reason
    assert server.bill().billed == ()


@pytest.mark.parametrize("fault", ["quota", "402"])
def test_a_spend_limit_stops_everything_and_is_not_tried_again(server, fault):
    outcome = outcome_of(server, Fault(fault, calls=(1,)))
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (False, True)
    assert server.bill().billed == ()


@KINDS
def test_a_wrong_key_stops_everything(server, kind, monkeypatch):
    monkeypatch.setenv("MY_LAB_KEY", "wrong")
    server.reset(Behaviour(api_key=KEY))
    outcome = send(f"{server.url}/v1", kind=kind)
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (False, True)
    assert "Incorrect API key" in outcome.reason


@KINDS
@pytest.mark.parametrize(
    ("fault", "billed"),
    [
        ("500_before", 0),
        ("500_after", 1),
        ("cut_before", 0),
        ("cut_after", 1),
        ("malformed", 1),
        ("no_usage", 1),
    ],
)
def test_what_was_sent_and_not_answered_may_have_been_billed(server, kind, fault, billed):
    outcome = outcome_of(server, Fault(fault, calls=(1,)), kind=kind)
    assert isinstance(outcome, Unknown)
    assert len(server.bill().billed) == billed
    assert len(server.bill().calls) == 1, "a request is sent once"


def test_what_is_not_answered_in_time_may_have_been_billed(server):
    outcome = outcome_of(server, Fault("stall", calls=(1,)), timeout=1.0)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "no answer within 1 s"
    assert len(server.bill().billed) == 1


def test_a_connection_that_is_cut_when_used_again_is_not_used_a_third_time_unasked(server):
    outcome = outcome_of(server, Fault("cut_after", calls=(2,)), times=2)
    assert isinstance(outcome, Unknown)
    assert len(server.bill().calls) == 2


def test_more_than_max_tokens_is_an_answer_with_the_usage_as_billed(server):
    outcome = outcome_of(server, Fault("over_max", calls=(1,), beyond=7))
    assert isinstance(outcome, Answered)
    assert outcome.response.usage == Usage(9, 107)


def test_a_refused_connection_cost_nothing_and_may_be_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        outcome = send(url)
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (True, False)
    assert url in outcome.reason


def test_an_address_that_is_none_stops_everything_before_it_is_sent():
    outcome = send("http://")
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (False, True)


def test_a_lacking_key_is_found_before_anything_is_sent(server, monkeypatch):
    monkeypatch.setenv("MY_LAB_KEY", "  ")
    server.reset(Behaviour())
    with pytest.raises(CannotSend, match="no key for mine: set MY_LAB_KEY in the environment"):
        send(f"{server.url}/v1")
    assert server.bill().calls == ()


def test_the_first_variable_that_holds_a_key_is_taken(monkeypatch):
    provider = Provider("mine", "openai", "", api_key_env=("UNSET_KEY", "MY_LAB_KEY"))
    monkeypatch.delenv("UNSET_KEY", raising=False)
    assert require_api_key(provider) == KEY
    monkeypatch.setenv("UNSET_KEY", " first\n")
    assert require_api_key(provider) == "first"
    assert require_api_key(Provider("local", "openai", "")) is None


def answered_with(status, body=b"", **headers):
    """Send a request to a server that says just this."""

    async def sending():
        async def handler(_):
            return web.Response(status=status, body=body, headers=headers)

        app = web.Application()
        app.router.add_post("/v1/chat/completions", handler)
        served = web.AppRunner(app)
        await served.setup()
        try:
            await web.TCPSite(served, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{served.addresses[0][1]}/v1"
            provider = Provider("mine", "openai", url, api_key_env=("MY_LAB_KEY",))
            async with HttpTransport({"mine": provider}, 10) as sender:
                return await sender.send(NAME, REQUEST)
        finally:
            await served.cleanup()

    return asyncio.run(sending())


@pytest.mark.parametrize("status", [201, 202, 204, 408, 500, 502, 503, 504, 520, 529])
def test_a_status_that_leaves_it_open_whether_work_was_done_is_unknown(status):
    assert isinstance(answered_with(status), Unknown)


@pytest.mark.parametrize(
    ("status", "retry", "stop"),
    [
        (301, False, False),
        (307, False, False),
        (400, False, False),
        (413, False, False),
        (422, False, False),
        (401, False, True),
        (402, False, True),
        (403, False, True),
        (404, False, True),
        (409, True, False),
        (425, True, False),
        (429, True, False),
    ],
)
def test_a_refusal_before_any_work_costs_nothing(status, retry, stop):
    outcome = answered_with(status, b'{"error": "no"}', Location="/elsewhere")
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (retry, stop)


@pytest.mark.parametrize(
    "limit",
    ["insufficient_quota", "project_spend_limit_exceeded", "organization_spend_limit_exceeded"],
)
@pytest.mark.parametrize("status", [400, 403, 429])
def test_every_spend_limit_stops_everything_whatever_its_status(status, limit):
    body = json.dumps({"error": {"message": "No.", "type": "x", "code": limit}}).encode()
    outcome = answered_with(status, body)
    assert isinstance(outcome, NotBilled)
    assert (outcome.failure.retries, stops(outcome)) == (False, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>Bad gateway</html>",
        b"\xff\xfe",
        b'{"error": {"message": "overloaded"}}',
        b'{"choices": [], "usage": {"prompt_tokens": NaN, "completion_tokens": 1}}',
        b"[" * 100_000,
        b'{"usage": {"prompt_tokens": ' + b"9" * 5000 + b"}}",
    ],
    ids=["empty", "null", "list", "page", "bytes", "error", "nan", "deep", "long number"],
)
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_cannot_be_read_may_have_been_billed(status, body):
    assert isinstance(answered_with(status, body), Unknown)


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", None),
        ("Fri, 20 Nov 2020 12:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_wait_is_taken_from_the_answer_where_it_is_a_number_of_seconds(asked, after):
    assert answered_with(429, **{"Retry-After": asked}).failure.wait == after


@pytest.mark.parametrize("asked", ["inf", "1e999"])
def test_nobody_can_ask_for_a_wait_without_an_end(asked):
    after = answered_with(429, **{"Retry-After": asked}).failure.wait
    assert after is None or after < 10**9


def test_a_providers_message_is_told_on_one_line_and_not_at_any_length():
    body = json.dumps({"error": {"message": "one\n  two " + "x" * 5000}}).encode()
    reason = answered_with(400, body).reason
    assert reason.startswith("HTTP 400 from mine: one two xxx")
    assert len(reason) < 400


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("padding", [0, 290, 299])
def test_a_key_that_a_provider_repeats_is_in_no_reason_not_even_a_part(status, padding):
    message = "." * padding + KEY
    for body in ({"error": {"message": message}}, {"error": message}, message):
        outcome = answered_with(status, json.dumps(body).encode())
        assert KEY[:6] not in outcome.reason
        assert KEY[-6:] not in outcome.reason


def test_what_a_provider_says_cannot_steer_a_terminal():
    said = extract_error_message(b'{"error": {"message": "a\\u001b[31m red\\nline\\u0007"}}', None)
    assert said == "a [31m red line"


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, {"code": "content_filter", "message": "The response was filtered"}, "held"),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, "held"),
        (400, {"message": "max_tokens is too large"}, "free"),
        (403, {"message": "your input was flagged", "metadata": {"reasons": ["x"]}}, "free"),
        (403, {"message": "this key may not use the model"}, "stop"),
    ],
)
def test_a_refused_prompt_stops_nobody_else_and_is_held_where_it_may_be_billed(
    status, error, outcome
):
    told = answered_with(status, json.dumps({"error": error}).encode())
    if outcome == "held":
        assert isinstance(told, Answered)
        assert told.response.finish == "content_filter"
        assert told.failure.billed is Billed.MAYBE
    elif "flagged" in str(error):
        assert isinstance(told, Answered)
        assert told.failure.billed is Billed.NO
    else:
        assert (type(told), told.failure.retries, stops(told)) == (
            NotBilled,
            False,
            outcome == "stop",
        )


WROTE = "word " * 90
ECHO = {"messages": [{"role": "user", "content": "usage: choices, failed_generation"}]}


@pytest.mark.parametrize("status", [400, 402, 403, 413, 422, 429])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "json_validate_failed", "failed_generation": WROTE}},
        {"error": {"code": "tool_use_failed", "failed_generation": ""}},
        {"error": {"message": "no", "partial_output": WROTE}},
        {"error": {"message": "no", "metadata": {"modelOutput": WROTE}}},
        {"error": {"message": "no"}, "choices": [{"message": {"content": WROTE}}]},
        {"error": {"message": "no"}, "usage": {"prompt_tokens": 9, "completion_tokens": 90}},
        {"type": "error", "error": {"message": "no"}, "content": [{"type": "text", "text": WROTE}]},
        {"error": {"message": "no", "metadata": {"raw": json.dumps({"usage": {"tokens": 90}})}}},
        {"errors": [{"response": {"output": [{"type": "message", "content": WROTE}]}}]},
        {"message": {"role": "assistant", "content": WROTE}},
        {"content": WROTE, "stop_reason": "end_turn"},
    ],
)
def test_an_error_that_holds_a_generated_text_or_its_usage_is_held(status, body):
    outcome = answered_with(status, json.dumps(body).encode())
    assert isinstance(outcome, Unknown)
    assert outcome.failure.retries == (status == 429)
    assert len(outcome.reason) < 500


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": json.dumps(ECHO) + WROTE}},
        {"detail": [{"loc": ["body"], "input": ECHO | {"choices": [1]}, "msg": "usage: no"}]},
        {"error": {"message": "no"}, "request": ECHO | {"usage": {"tokens": 3}}},
        {"error": {"message": "no"}, "choices": [], "usage": None, "content": []},
        {"error": {"message": "no"}, "usage": {"completion_tokens": 0, "limit": 9}},
        {"error": {"message": "no", "content": "failed_generation"}},
        ["choices"],
    ],
)
def test_an_error_that_repeats_the_prompt_or_names_such_fields_costs_nothing(body):
    assert isinstance(answered_with(400, json.dumps(body).encode()), NotBilled)


def test_an_error_beside_an_answer_is_held():
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    choices = [{"message": {"content": "ye"}, "finish_reason": "stop"}]
    body = {"choices": choices, "usage": usage, "error": "broke off"}
    outcome = answered_with(200, json.dumps(body).encode())
    assert isinstance(outcome, Unknown)
    assert "carries an error: broke off" in outcome.reason


@pytest.mark.parametrize("usage", [{"prompt_tokens": 9, "completion_tokens": 1}, None])
def test_an_answer_that_was_broken_off_is_none_and_is_held_only_without_usage(usage):
    choices = [{"message": {"content": "ye"}, "error": {"message": "broke off"}}]
    outcome = answered_with(200, json.dumps({"choices": choices, "usage": usage}).encode())
    if usage is None:
        assert isinstance(outcome, Unknown)
    else:
        assert isinstance(outcome, Answered)
        assert (outcome.response.finish, outcome.response.text) == ("error", "ye")
        assert "broke off" in outcome.response.note
