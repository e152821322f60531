"""A 200 that is no answer is settled, freed or held by what it says, never taken for an answer."""

import asyncio
import json

import pytest
from aiohttp import web

from pricing.catalog.model_names import ModelName
from pricing.money import Money
from providers.failures import Billed, FailureMeaning
from providers.provider import Provider
from runner.transport.outcome import Answered, NotBilled, Unknown
from runner.transport.sender import HttpTransport
from tests.runner.transport.test_sender import REQUEST

ROUTES = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


def answered(name, body, *, status=200, kind="openai", **fields):
    """Return the outcome where a provider of this name says just this."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def sending():
        async def handler(_):
            return web.Response(status=status, body=body)

        app = web.Application()
        app.router.add_post(ROUTES[kind], handler)
        served = web.AppRunner(app)
        await served.setup()
        try:
            await web.TCPSite(served, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{served.addresses[0][1]}/v1"
            provider = Provider(name, kind, url, **fields)
            model = ModelName(f"{name}/some-model", name, "some-model")
            async with HttpTransport({name: provider}, 10) as sender:
                return await sender.send(model, REQUEST)
        finally:
            await served.cleanup()

    return asyncio.run(sending())


def broken(**usage):
    choices = [{"message": {"content": "half"}, "finish_reason": "error"}]
    return {"choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 4} | usage}


def test_an_error_in_a_200_costs_nothing_where_it_is_refused():
    stopped = answered("openrouter", {"error": {"code": 402, "message": "Insufficient credits"}})
    assert isinstance(stopped, NotBilled)
    assert stopped.failure.is_about_money
    limited = answered("openrouter", {"error": {"code": 429, "message": "Slow down"}})
    assert isinstance(limited, NotBilled)
    assert limited.failure.meaning is FailureMeaning.RATE_LIMIT
    other = answered("minimax", {"base_resp": {"status_code": 1008}, "choices": None})
    assert isinstance(other, NotBilled)
    assert other.failure.is_about_money


def test_an_error_beside_an_answer_is_none_all_the_same():
    whole = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
    whole |= {"usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    outcome = answered("minimax", whole | {"base_resp": {"status_code": 1027}})
    assert isinstance(outcome, Answered)
    assert outcome.failure.meaning is FailureMeaning.FILTERED
    assert outcome.failure.billed is Billed.MAYBE
    assert outcome.response.finish == "content_filter"
    fine = answered("minimax", whole | {"base_resp": {"status_code": 0, "status_msg": ""}})
    assert isinstance(fine, Answered)
    assert fine.failure is None


def test_an_answer_that_broke_off_is_settled_at_its_cost_or_insured():
    free = answered("openrouter", broken(), cost_field="cost")
    assert isinstance(free, Answered)
    assert free.failure.billed is Billed.NO
    assert "zero-completion-insurance" in free.failure.source
    assert free.response.stated_cost is None
    fee = answered("openrouter", broken(cost=0.0021), cost_field="cost")
    assert fee.failure.billed is Billed.NO
    assert fee.response.stated_cost == Money.from_usd("0.0021")
    assert answered("elsewhere", broken()).failure is None, "no document: its usage is billed"
    own_key = answered("openrouter", broken(is_byok=True), cost_field="cost")
    assert own_key.failure is None, "another provider bills it"


def test_the_insurance_does_not_cover_answers_of_which_one_broke_off():
    several = {"error": {"message": "overloaded"}, "finish_reason": "error"}
    whole = {"message": {"content": "yes"}, "finish_reason": "stop"}
    several["message"] = {"content": "y"}
    body = {"choices": [several, whole], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    outcome = answered("openrouter", body, cost_field="cost")
    assert outcome.failure is None, "its usage is billed"
    assert [each.text for each in outcome.response.choices] == ["y", "yes"]
    body["choices"] = [several, several]
    assert answered("openrouter", body, cost_field="cost").failure.billed is Billed.NO


@pytest.mark.parametrize(
    ("finish", "tokens", "is_free"), [(None, 0, True), ("stop", 0, False), (None, 4, False)]
)
def test_nothing_with_a_null_finish_is_insured(finish, tokens, is_free):
    body = {"choices": [{"message": {"content": ""}, "finish_reason": finish}]}
    body |= {"usage": {"prompt_tokens": 9, "completion_tokens": tokens}}
    outcome = answered("openrouter", body, cost_field="cost")
    assert isinstance(outcome, Answered)
    assert (outcome.failure is not None) is is_free


@pytest.mark.parametrize(
    ("content", "tokens", "is_free"),
    [([], 0, True), ([{"type": "text", "text": "I"}], 1, False), ([], 3, False)],
)
def test_an_early_refusal_of_anthropic_is_free(content, tokens, is_free):
    body = {"content": content, "stop_reason": "refusal", "model": "some-model", "id": "x"}
    body |= {"usage": {"input_tokens": 100, "output_tokens": tokens}}
    outcome = answered("anthropic", body, kind="anthropic")
    assert isinstance(outcome, Answered)
    assert (outcome.failure is not None) is is_free
    if is_free:
        assert outcome.failure.billed is Billed.NO
        assert "refusals-and-fallback" in outcome.failure.source
    elsewhere = answered("mine", body, kind="anthropic")
    assert elsewhere.failure is None, "a document of Anthropic's says nothing of another server"


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>ok</html>", {"choices": None}])
def test_what_says_nothing_is_held(body):
    assert isinstance(answered("openrouter", body), Unknown)
