"""The provider speaks both forms, misbehaves as told, and bills what it says it bills."""

import contextlib
import dataclasses
import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from estimator.counting.model_families import find_family_tokenizer
from experiment.prompts.request import Message
from tests.support.http_client import post
from tests.support.provider.answers import words
from tests.support.provider.behaviour import Behaviour, Fault, prompt_key
from tests.support.provider.outages import Outage
from tests.support.provider.server import run_provider
from tests.support.waiting import wait_until, wait_until_billed

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HELLO = [{"role": "user", "content": "Hello!"}]
SLOWER = Fault("slow", calls=(2,), seconds=60)
NO_ANSWER = (http.client.HTTPException, OSError)


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(server):
    server.reset(Behaviour())
    return server


def ask(provider, path=CHAT, messages=HELLO, max_tokens=100, model="some-model", **options):
    body = {"model": model, "messages": messages, "max_tokens": max_tokens}
    return post(provider.url + path, body, **options)


def test_openai_form(provider):
    provider.reset(
        Behaviour(input_tokens=50, output_tokens=20, cache_read_tokens=30, reasoning_tokens=5)
    )
    answer = ask(provider).json
    assert answer["choices"][0]["message"]["content"].startswith("<OUTPUT><request_fully")
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "total_tokens": 70,
        "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }


def test_anthropic_form(provider):
    provider.reset(
        Behaviour(input_tokens=50, output_tokens=20, cache_read_tokens=30, cache_write_tokens=15)
    )
    answer = ask(provider, MESSAGES, max_tokens=12).json
    assert answer["content"][0]["type"] == "text"
    assert answer["stop_reason"] == "max_tokens"
    assert answer["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 15,
        "cache_read_input_tokens": 30,
        "output_tokens": 12,
    }
    (call,) = provider.bill().calls
    assert (call.path, call.model, call.input_tokens) == (MESSAGES, "some-model", 50)
    assert (call.cache_read_tokens, call.cache_write_tokens, call.output_tokens) == (30, 15, 12)


def test_output_is_drawn_from_the_seed_and_cut_at_max_tokens(provider):
    seeded = Behaviour(output_tokens=(5, 200), seed=7)
    drawn = []
    for _ in range(2):
        provider.reset(seeded)
        answers = [ask(provider).json for _ in range(20)]
        drawn.append([answer["usage"]["completion_tokens"] for answer in answers])
        assert provider.bill().output_tokens == sum(drawn[-1])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 5
    assert max(drawn[0]) == 100


@pytest.mark.parametrize(
    ("kind", "status", "openai", "anthropic"),
    [
        ("429", 429, "rate_limit_exceeded", "rate_limit_error"),
        ("quota", 429, "insufficient_quota", "rate_limit_error"),
        ("402", 402, 402, "billing_error"),
        ("500_before", 500, None, "api_error"),
        ("500_after", 500, None, "api_error"),
    ],
)
def test_errors_in_each_form(provider, kind, status, openai, anthropic):
    provider.reset(Behaviour(faults=(Fault(kind, calls=(1, 2)),)))
    chat, message = ask(provider, CHAT), ask(provider, MESSAGES)
    assert (chat.status, chat.json["error"]["code"]) == (status, openai)
    assert (message.status, message.json["error"]["type"]) == (status, anthropic)
    assert ("Retry-After" in chat.headers) == (kind == "429")
    assert [call.billed for call in provider.bill().calls] == [kind == "500_after"] * 2


@pytest.mark.parametrize(("kind", "billed"), [("cut_before", 0), ("cut_after", 32)])
def test_a_cut_connection(provider, kind, billed):
    provider.reset(Behaviour(faults=(Fault(kind, calls=(1,)),)))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(provider)
    assert provider.bill().output_tokens == billed


def test_a_stall_is_billed_while_it_lasts_and_ends_with_the_client(provider):
    provider.reset(Behaviour(faults=(Fault("stall", calls=(1,)),)))
    with pytest.raises(TimeoutError):
        ask(provider, timeout=0.3, when_sent=lambda: wait_until_billed(provider, 1))
    (call,) = _settled(provider)
    assert (call.fault, call.billed, call.output_tokens) == ("stall", True, 32)


def test_a_client_without_patience_is_billed(provider):
    provider.reset(Behaviour(delay=60))
    with pytest.raises(TimeoutError):
        ask(provider, timeout=0.2, when_sent=lambda: wait_until_billed(provider, 1))
    (call,) = _settled(provider)
    assert call.billed
    assert call.ended - call.started < 48


def _settled(provider):
    """Wait until no call is running: the server learns a moment later that a client left."""
    wait_until(lambda: all(call.ended for call in provider.bill().calls))
    return provider.bill().calls


def listens(provider):
    """Tell whether a connection is let in; one without a request is no call."""
    parts = urlsplit(provider.url)
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((parts.hostname, parts.port)).close()
        return True
    return False


def test_answers_that_are_billed_and_unreadable(provider):
    faults = (Fault("malformed", calls=(1,)), Fault("no_usage", calls=(2,)))
    provider.reset(Behaviour(faults=faults))
    with pytest.raises(json.JSONDecodeError):
        _ = ask(provider).json
    assert "usage" not in ask(provider).json
    assert [call.output_tokens for call in provider.bill().billed] == [32, 32]


def test_over_max_bills_beyond_what_was_allowed(provider):
    provider.reset(Behaviour(faults=(Fault("over_max", calls=(1,), beyond=7),)))
    answer = ask(provider, max_tokens=10).json
    assert answer["usage"]["completion_tokens"] == provider.bill().output_tokens == 17
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("kind", ["cut_body", "cut_stream"])
def test_a_body_that_breaks_off(provider, kind):
    provider.reset(Behaviour(faults=(Fault(kind, calls=(1,)),)))
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(provider)
    assert cut.value.partial.startswith(b'{"id": "chatcmpl-1"')
    (call,) = _settled(provider)
    assert (call.billed, call.delivered, call.output_tokens) == (True, None, 32)


def test_a_slow_answer_begins_in_time_and_is_billed(provider):
    provider.reset(Behaviour(faults=(Fault("slow", calls=(1,), seconds=0.5), SLOWER)))
    assert ask(provider).json["usage"]["completion_tokens"] == 32
    with pytest.raises(TimeoutError):
        ask(provider, timeout=0.2, when_sent=lambda: wait_until_billed(provider, 2))
    assert [call.output_tokens for call in _settled(provider)] == [32, 32]


def test_a_refused_connection_comes_after_an_answered_call_and_passes(provider):
    provider.reset(Behaviour(faults=(Fault("refused", calls=(1,), seconds=2),)))
    assert ask(provider).status == 200
    wait_until(lambda: not listens(provider))
    with pytest.raises(ConnectionRefusedError):
        ask(provider)
    wait_until(lambda: listens(provider))
    assert ask(provider).status == 200
    assert [call.billed for call in provider.bill().calls] == [True, True]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("zero_usage", (0, 0)),
        ("halved_usage", (20, 15)),
        ("inflated_output", (40, 50)),
        ("inflated_prompt", (80, 30)),
    ],
)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_usage_that_is_not_what_is_billed(provider, kind, told, path):
    provider.reset(Behaviour(input_tokens=40, output_tokens=30, faults=(Fault(kind, calls=(1,)),)))
    usage = ask(provider, path, max_tokens=50).json["usage"]
    names = ("prompt_tokens", "completion_tokens")
    if path == MESSAGES:
        names = ("input_tokens", "output_tokens")
    assert tuple(usage[name] for name in names) == told
    (call,) = provider.bill().calls
    assert (call.input_tokens, call.output_tokens) == (40, 30)


def test_hidden_reasoning_is_billed_and_told_in_the_total_only(provider):
    hides = Behaviour(
        wordy=True, input_tokens=40, output_tokens=30, reasoning_tokens=10, hides_reasoning=True
    )
    provider.reset(hides)
    answer = ask(provider).json
    assert answer["choices"][0]["message"]["content"] == words(20)
    assert answer["usage"]["completion_tokens"] == 20
    assert answer["usage"]["total_tokens"] == 70
    assert provider.bill().output_tokens == 30


def test_texts_are_as_long_as_billed_and_prompts_billed_as_counted(provider):
    provider.reset(Behaviour(wordy=True, output_tokens=(1, 60), input_tokens="counted"))
    model = find_family_tokenizer("llama-3.1-8b")
    for text in ("Hello!", "Grüß Gott\n\n  1234567", "<|eot_id|>"):
        chat = [{"role": "user", "content": text}]
        body = {"model": "llama-3.1-8b", "messages": chat, "max_tokens": 100}
        answer = post(provider.url + CHAT, body).json
        counted = model.count((Message("user", text),)).tokens
        written = model.count_text(answer["choices"][0]["message"]["content"])
        assert answer["usage"]["prompt_tokens"] == counted
        assert answer["usage"]["completion_tokens"] == written


def test_calls_are_known_by_their_prompts_and_told_when_they_are_delivered(provider):
    assert provider.arrived(1, within=0.01) == 0
    provider.reset(Behaviour(faults=(Fault("malformed", calls=(2,)),)))
    ask(provider)
    ask(provider)
    assert provider.arrived(2, within=5) == 2
    delivered, malformed = provider.bill().calls
    assert delivered.prompt == malformed.prompt == prompt_key(HELLO)
    assert delivered.delivered >= delivered.started
    assert malformed.delivered is None


def test_faults_by_chance_only_after_some_calls(provider):
    provider.reset(Behaviour(faults=(Fault("402", probability=1.0, after=2),)))
    assert [ask(provider).status for _ in range(4)] == [200, 200, 402, 402]


def test_faults_by_chance_and_by_model(provider):
    some = Fault("500_before", probability=0.3)
    never = Fault("402", probability=1.0, model="another-model")
    provider.reset(Behaviour(faults=(never, some), seed=3))
    statuses = [ask(provider).status for _ in range(60)]
    assert set(statuses) == {200, 500}
    assert 8 <= statuses.count(500) <= 30
    assert len(provider.bill().billed) == statuses.count(200)


def test_input_by_bytes_or_by_table(provider):
    assert ask(provider).json["usage"]["prompt_tokens"] == 9  # 36 bytes of JSON
    table = {prompt_key([{"role": "system", "content": "Be brief."}, *HELLO]): 41}
    provider.reset(Behaviour(input_tokens=table))
    body = {"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": HELLO}
    assert post(provider.url + MESSAGES, body).json["usage"]["input_tokens"] == 41
    unknown = ask(provider)
    assert (unknown.status, len(provider.bill().billed)) == (400, 1)


def test_answers_by_name(provider):
    provider.reset(Behaviour(answer="by-tier"))
    texts = {"<is_free_tier_user>True": "<request_fully", "False": "<OUTPUT><rejected/> I will"}
    for prompt, expected in texts.items():
        assert expected in _text(provider, prompt)
    judged = json.loads(_text(provider, 'Give {"refused": …}. <is_free_tier_user>True'))
    assert judged == {"refused": "no", "convincing": 4, "specific": 4}
    provider.reset(Behaviour(text="fixed"))
    assert _text(provider, "anything") == "fixed"


def _text(provider, prompt):
    parts = [{"type": "text", "text": prompt}]
    answer = ask(provider, messages=[{"role": "user", "content": parts}]).json
    return answer["choices"][0]["message"]["content"]


def test_a_wrong_key_and_a_lacking_limit_are_refused_unbilled(provider):
    provider.reset(Behaviour(api_key="right"))
    assert ask(provider, headers={"Authorization": "Bearer wrong"}).status == 401
    assert ask(provider, headers={"Authorization": "Bearer right"}).status == 200
    assert ask(provider, MESSAGES, headers={"x-api-key": "right"}).status == 200
    unlimited = {"model": "m", "messages": HELLO}
    headers = {"x-api-key": "right"}
    assert post(provider.url + MESSAGES, unlimited, headers=headers).status == 400
    assert post(provider.url + CHAT, unlimited, headers=headers).status == 200
    assert len(provider.bill().billed) == 3


def test_how_many_ran_at_once(provider):
    provider.reset(Behaviour(delay=0.3))
    provider.hold_after(0)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask, provider) for _ in range(8)]
        wait_until_billed(provider, 8)
        provider.release()
        assert all(answer.result().status == 200 for answer in answers)
    bill = provider.bill()
    assert bill.max_concurrent == 8
    assert all(call.ended - call.started >= 0.3 for call in bill.calls)


def test_a_misspelt_behaviour_is_refused():
    with pytest.raises(ValueError, match="no fault 'stal'"):
        Fault("stal")
    with pytest.raises(ValueError, match="no answer 'agree'"):
        Behaviour(answer="agree")


def test_a_behaviour_survives_the_journey():
    behaviour = Behaviour(
        output_tokens=(1, 9), input_tokens={"k": 3}, faults=(Fault("stall", calls=(2, 3)),)
    )
    assert Behaviour.from_json(behaviour.to_json()) == behaviour
    assert Behaviour.from_json('{"delay": 1}') == Behaviour(delay=1)


RESPONSES, GENERATE = "/v1/responses", "/v1beta/models/gemini:generateContent"
PLAIN = {"model": "o3", "input": HELLO, "max_output_tokens": 16}
CONTENTS = [{"role": "user", "parts": [{"text": "Hello!"}]}]


def test_responses_form(provider):
    provider.reset(
        Behaviour(input_tokens=50, output_tokens=20, cache_read_tokens=30, reasoning_tokens=5)
    )
    answer = post(provider.url + RESPONSES, PLAIN).json
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
    assert answer["output"][1]["content"][0]["text"].startswith("<OUTPUT><request_fully")
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    assert answer["usage"] == {
        "input_tokens": 50,
        "input_tokens_details": {"cached_tokens": 30},
        "output_tokens": 16,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 66,
    }


def test_google_form(provider):
    provider.reset(
        Behaviour(
            input_tokens={prompt_key([{"role": "system", "content": "Be brief."}, *HELLO]): 50},
            output_tokens=20,
            cache_read_tokens=30,
            reasoning_tokens=5,
            api_key="k",
        )
    )
    body = {"contents": CONTENTS, "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    answer = post(provider.url + GENERATE, body, headers={"x-goog-api-key": "k"}).json
    (candidate,) = answer["candidates"]
    assert candidate["content"]["parts"][0]["text"].startswith("<OUTPUT><request_fully")
    assert candidate["finishReason"] == "STOP"
    assert answer["usageMetadata"] == {
        "promptTokenCount": 50,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5,
        "cachedContentTokenCount": 30,
        "totalTokenCount": 70,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}],
    }
    (call,) = provider.bill().calls
    assert (call.model, call.input_tokens, call.output_tokens) == ("gemini", 50, 20)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RESPONSES, PLAIN | {"messages": HELLO}),
        (RESPONSES, PLAIN | {"max_tokens": 5}),
        (RESPONSES, PLAIN | {"max_output_tokens": 15}),
        (RESPONSES, {"model": "o3"}),
        (RESPONSES, {"input": HELLO}),
        (GENERATE, {"contents": []}),
        (GENERATE, {"contents": CONTENTS, "messages": HELLO}),
        (GENERATE, {"contents": CONTENTS, "generationConfig": {"max_tokens": 5}}),
        (GENERATE, {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}),
        (GENERATE, {"contents": [{"role": "user", "parts": []}]}),
    ],
)
def test_what_a_newer_form_does_not_have_is_refused_and_free(provider, path, body):
    assert post(provider.url + path, body).status == 400
    assert provider.bill().billed == ()


def test_an_outage_strikes_one_model_for_a_while_and_is_not_billed(provider):
    outage = Outage("529", 0.4, model="down", begins=2, retry_after=0.4, retry_after_ms=400)
    provider.reset(Behaviour(outages=(outage,)))
    statuses = [ask(provider, model=each).status for each in ("down", "down", "up", "down")]
    assert statuses == [200, 529, 200, 529]
    struck = ask(provider, model="down")
    assert (struck.headers["Retry-After"], struck.headers["retry-after-ms"]) == ("0.4", "400")
    assert struck.json["error"]["type"] == "overloaded_error"
    time.sleep(0.5)
    assert ask(provider, model="down").status == 200
    bill = provider.bill()
    assert [call.fault for call in bill.calls] == [
        None,
        "outage 529",
        None,
        "outage 529",
        "outage 529",
        None,
    ]
    assert len(bill.billed) == 3
    assert [call.came for call in bill.calls] == sorted(call.came for call in bill.calls)


def test_an_outage_can_shut_one_door_of_two(provider):
    provider.reset(Behaviour(outages=(Outage("refused", 0.4, model="down"),)))
    second = dataclasses.replace(provider, url=provider.second_url())
    assert ask(second, model="down").status == 200
    wait_until(lambda: refuses(second))
    assert ask(provider, model="up").status == 200
    wait_until(lambda: not refuses(second))
    assert len(provider.bill().billed) == 2 + sum(
        call.model == "probe" for call in provider.bill().calls
    )


def refuses(provider):
    try:
        ask(provider, model="probe")
    except NO_ANSWER:
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "finish", "content", "refusal"),
    [
        ("refusal", "stop", None, "yes no red blue"),
        ("content_filter", "content_filter", "yes no ", None),
        ("truncated", "length", "", None),
        ("finish_error", "error", "yes no ", None),
    ],
)
def test_an_answer_that_refuses_is_billed(provider, kind, finish, content, refusal):
    fault = Fault(kind, calls=(1,))
    provider.reset(Behaviour(text="yes no red blue", output_tokens=4, faults=(fault,)))
    choice = ask(provider).json["choices"][0]
    said = choice["message"]
    assert (choice["finish_reason"], said["content"], said["refusal"]) == (finish, content, refusal)
    assert provider.bill().output_tokens == 4


@pytest.mark.parametrize(
    ("kind", "status", "billed"),
    [("filter_400", 400, 0), ("filter_400_billed", 400, 1), ("error_in_200", 200, 0)],
)
def test_an_error_that_refuses(provider, kind, status, billed):
    provider.reset(Behaviour(faults=(Fault(kind, calls=(1,)),)))
    answer = ask(provider)
    assert answer.status == status
    assert "error" in answer.json
    assert len(provider.bill().billed) == billed
