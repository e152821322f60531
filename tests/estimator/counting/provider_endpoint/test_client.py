"""A provider's count endpoint: asked as documented, no faster than allowed, believed if sane."""

from __future__ import annotations

import json
import random
import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.counting.provider_endpoint import count_client
from estimator.counting.provider_endpoint.count_client import CountTokensClient
from estimator.counting.provider_endpoint.endpoint import CountEndpoint, make_count_endpoint
from estimator.errors import CountFailed
from experiment.prompts.request import Message, Request
from providers.apis import find_api, find_count_api
from providers.capabilities import find_capability
from providers.provider import Provider, find_api_key
from providers.registry import load_providers
from tests.support.provider.count_endpoint import Trouble, run_counting

KEY = "sk-ant-0123456789abcdefghijklmnopqrstuvwxyz"
KNOWN = load_providers({})
HELLO = (Message("user", "Hello you there!"),)
CHAT = (
    Message("system", "Be brief."),
    Message("user", "How are you?"),
    Message("assistant", "Fine."),
    Message("user", "And now?"),
    Message("assistant", "<OUTPUT>"),
)
BASES = {"anthropic": "/v1", "openai": "/v1", "google": "/v1beta/openai"}
ALL = pytest.mark.parametrize("name", BASES)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.lock = 1000.0, threading.Lock()
        self.has_moved = threading.Event()

    def clock(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        with self.lock:
            self.now += seconds
        self.has_moved.set()

    @property
    def slept(self):
        return self.now - 1000.0


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def server(time):
    with run_counting(time.clock) as server:
        yield server


@pytest.fixture
def endpoint(server, time):
    """Return an endpoint of a provider's dialect, at the fake."""

    def make(name="anthropic", model="some-model", key=KEY, url=None):
        builtin = KNOWN[name]
        base = url or server.url + BASES[name]
        provider = Provider(name, builtin.kind, base, builtin.api_key_env)
        client = CountTokensClient(provider, model, key, sleep=time.sleep, clock=time.clock)
        return CountEndpoint(client)

    return make


def prompts(number):
    return [(Message("user", f"prompt {n}" + " and more" * (n % 7)),) for n in range(number)]


def words(prompt):
    return sum(len(message.content.split()) for message in prompt)


def counts_of(endpoint, given):
    found = []
    endpoint.count_all(given, lambda prompt, count: found.append((prompt, count)))
    return found


def test_anthropic_is_asked_as_it_documents(server, endpoint):
    assert endpoint("anthropic").count(CHAT) == words(CHAT)
    (call,) = server.calls
    assert call.path == "/v1/messages/count_tokens"
    assert (call.headers["x-api-key"], call.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert call.body == {
        "model": "some-model",
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "How are you?"},
            {"role": "assistant", "content": "Fine."},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "<OUTPUT>"},
        ],
    }


def test_openai_is_asked_as_it_documents(server, endpoint):
    assert endpoint("openai").count(CHAT) == words(CHAT)
    (call,) = server.calls
    assert call.path == "/v1/responses/input_tokens"
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.body == {
        "model": "some-model",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How are you?"},
            {"role": "assistant", "content": "Fine."},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "<OUTPUT>"},
        ],
    }


@pytest.mark.parametrize("model", ["gemini-9", "models/gemini-9"])
def test_google_is_asked_as_it_documents(server, endpoint, model):
    assert endpoint("google", model).count(CHAT) == words(CHAT)
    (call,) = server.calls
    assert call.path == "/v1beta/models/gemini-9:countTokens"
    assert call.headers["x-goog-api-key"] == KEY
    assert call.body == {
        "generateContentRequest": {
            "model": "models/gemini-9",
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "How are you?"}]},
                {"role": "model", "parts": [{"text": "Fine."}]},
                {"role": "user", "parts": [{"text": "And now?"}]},
                {"role": "model", "parts": [{"text": "<OUTPUT>"}]},
            ],
        }
    }


def test_a_prompt_without_a_system_text_sends_none(server, endpoint):
    for name in BASES:
        endpoint(name).count(HELLO)
    anthropics, _, googles = (call.body for call in server.calls)
    assert anthropics.keys() == {"model", "messages"}
    assert googles["generateContentRequest"].keys() == {"model", "contents"}


@pytest.mark.parametrize("messages", [HELLO, CHAT, (Message("system", "Be kind."), *CHAT)])
def test_what_is_counted_at_anthropic_is_what_would_be_sent(server, endpoint, messages):
    endpoint("anthropic").count(messages)
    request = Request("id", "subject", "m", "all", 0, 0, messages, {"max_tokens": 5})
    claude = KNOWN["anthropic"]
    sent = find_api(claude).build_body(
        claude, "some-model", request, find_capability(claude, "some-model")
    )
    assert server.calls[0].body == {
        name: value for name, value in sent.items() if name not in {"max_tokens", "service_tier"}
    }


def test_the_documented_addresses():
    urls = {
        name: find_count_api(KNOWN[name]).url(KNOWN[name].base_url, "m") for name in sorted(BASES)
    }
    assert urls == {
        "anthropic": "https://api.anthropic.com/v1/messages/count_tokens",
        "google": "https://generativelanguage.googleapis.com/v1beta/models/m:countTokens",
        "openai": "https://api.openai.com/v1/responses/input_tokens",
    }


@ALL
def test_the_key_is_in_one_header_and_nowhere_else(server, endpoint, name):
    endpoint(name).count(CHAT)
    (call,) = server.calls
    assert sum(KEY in value for value in call.headers.values()) == 1
    assert KEY not in call.path + json.dumps(call.body)


def test_a_netrc_does_not_replace_the_key(server, endpoint, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    endpoint("openai").count(HELLO)
    assert server.calls[0].headers["Authorization"] == f"Bearer {KEY}"


@ALL
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 302, 307])
def test_a_refusal_is_final_and_named_with_the_next_step(server, endpoint, name, status, time):
    said = {"error": {"message": f"No\x1b[31m model\nfor {KEY} here" + "x" * 5000}}
    elsewhere = {"Location": f"{server.url}/elsewhere"}
    server.troubles.append(Trouble(status, json.dumps(said).encode(), elsewhere, times=9))
    with pytest.raises(CountFailed) as caught:
        endpoint(name).count(HELLO)
    text = str(caught.value)
    assert text.startswith(f"{name}/some-model: {name} gave no count: HTTP {status}: No [31m model")
    assert text.endswith("count locally with `--count local`")
    assert (f"check {' or '.join(KNOWN[name].api_key_env)}" in text) == (status in {401, 403})
    assert KEY not in text
    assert text.isprintable()
    assert len(text) < 600
    assert (len(server.calls), time.slept) == (1, 0)


def test_googles_400_for_a_wrong_key_names_the_variable(server, endpoint):
    said = b'{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID"}}'
    server.troubles.append(Trouble(400, said))
    with pytest.raises(
        CountFailed, match="check GEMINI_API_KEY or GOOGLE_API_KEY, or count locally"
    ):
        endpoint("google").count(HELLO)


def test_a_key_that_no_header_can_hold_is_refused_without_being_told(endpoint):
    for key in (f"{KEY}\nX: y", f"{KEY}…"):
        with pytest.raises(CountFailed, match="check ANTHROPIC_API_KEY") as caught:
            endpoint(key=key)
        assert KEY[:8] not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_wait_that_is_asked_for_is_waited(server, endpoint, time, status):
    server.troubles.append(Trouble(status, headers={"Retry-After": "17"}, times=3))
    assert endpoint().count(HELLO) == words(HELLO)
    assert len(server.calls) == 4
    assert all(later.at - earlier.at >= 17 for earlier, later in pairwise(server.calls))
    assert 3 * 17 <= time.slept < 3 * 18


def test_too_long_a_wait_is_told_instead(server, endpoint, time):
    server.troubles.append(Trouble(429, headers={"Retry-After": "3600"}))
    with pytest.raises(CountFailed, match="asks for a wait of 3600 s"):
        endpoint().count(HELLO)
    assert time.slept == 0


def test_a_used_up_quota_is_not_waited_for(server, endpoint, time):
    body = b'{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
    server.troubles.append(Trouble(429, body, times=99))
    with pytest.raises(CountFailed, match="You exceeded your quota"):
        endpoint("openai").count(HELLO)
    assert (len(server.calls), time.slept) == (1, 0)


@pytest.mark.parametrize(
    "trouble", [Trouble(500), Trouble(502), Trouble(529), Trouble(408), Trouble(instead="cut")]
)
def test_what_may_pass_is_asked_again_with_growing_waits(server, endpoint, time, trouble):
    server.troubles.append(Trouble(trouble.status, instead=trouble.instead, times=3))
    assert endpoint().count(HELLO) == words(HELLO)
    assert len(server.calls) == 4
    assert 0.5 + 1 + 2 <= time.slept <= 1 + 2 + 4 + 1e-6


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (429, 10)])
def test_what_does_not_pass_is_told_after_a_few_times(server, endpoint, status, tries):
    body = b'{"error": {"message": "Try later"}}'
    server.troubles.append(Trouble(status, body, times=99))
    with pytest.raises(CountFailed, match=rf"HTTP {status}: Try later \({tries} times\)"):
        endpoint().count(HELLO)
    assert len(server.calls) == tries


def test_silence_is_told_after_a_few_times(server, endpoint, monkeypatch):
    monkeypatch.setattr(count_client, "_TIMEOUTS", (0.05, 0.05))
    server.troubles.append(Trouble(instead="stall", times=99))
    with pytest.raises(CountFailed, match=r"no response: timed out \(4 times\)"):
        endpoint().count(HELLO)


def test_an_address_where_nobody_listens_is_told_after_a_few_times(endpoint):
    with pytest.raises(CountFailed, match=r"no response: .*refused \(4 times\)"):
        endpoint(url="http://127.0.0.1:1/v1").count(HELLO)


def test_an_address_that_is_none_is_told_at_once(endpoint, time):
    with pytest.raises(CountFailed, match="http:// is not a valid URL"):
        endpoint(url="http://").count(HELLO)
    assert time.slept == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value"),
        (b"<html>hello</html>", "Expecting value"),
        (b"\xff\xfe\xfd", "codec can't decode"),
        (b"[14]", "not a JSON object"),
        (b"{}", "input_tokens is None"),
        (b'{"input_tokens": 0}', "input_tokens is 0"),
        (b'{"input_tokens": -14}', "input_tokens is -14"),
        (b'{"input_tokens": true}', "input_tokens is True"),
        (b'{"input_tokens": 14.0}', "input_tokens is 14.0"),
        (b'{"input_tokens": "14"}', "input_tokens is '14'"),
        (b'{"input_tokens": 1' + b"0" * 30 + b"}", "input_tokens is 1000"),
        (b'{"input_tokens": ' + b"9" * 5000 + b"}", "limit"),
        (b"[" * 100_000, "too deeply nested"),
        (b'{"input_tokens": 14}' + b" " * 2**20, "larger than 1024 KiB"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_reply_that_states_no_count_is_refused(server, endpoint, time, body, said):
    server.troubles.append(Trouble(200, body))
    with pytest.raises(CountFailed) as caught:
        endpoint().count(HELLO)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 600
    assert (len(server.calls), time.slept) == (1, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["input_tokens", "totalTokens", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(st.sampled_from(sorted(BASES)), JSON.map(json.dumps).map(str.encode) | st.binary())
def test_no_reply_gives_a_count_that_is_none(name, body):
    try:
        count = CountTokensClient(
            KNOWN[name], "m", KEY, sleep=pytest.fail, clock=float
        )._parse_reply(body)
    except CountFailed:
        return
    assert type(count) is int
    assert count > 0


def test_many_are_counted_once_each_whatever_their_order(server, endpoint):
    given = prompts(80)
    found = counts_of(endpoint(), iter(given))
    assert dict(found) == {prompt: words(prompt) for prompt in given}
    assert len(found) == len(server.calls) == 80
    shuffled = random.Random(1).sample(given, len(given))
    assert dict(counts_of(endpoint(), shuffled)) == dict(found)


def test_nothing_is_counted_of_nothing(server, endpoint):
    assert counts_of(endpoint(), []) == []
    assert server.calls == []


@pytest.mark.parametrize(
    ("name", "number", "seconds"), [("anthropic", 250, 90), ("openai", 600, 12)]
)
def test_the_documented_limit_is_kept(server, endpoint, time, name, number, seconds):
    counts_of(endpoint(name), prompts(number))
    assert time.slept == pytest.approx(seconds, abs=0.1)
    per_minute = find_count_api(KNOWN[name]).requests_per_minute
    times = [call.at for call in server.calls]
    later = times[2 * per_minute :]  # a full bucket and a minute's refill
    assert all(b - a > 59 for a, b in zip(times, later, strict=False))


@pytest.mark.parametrize(
    "header", ["anthropic-ratelimit-requests-limit", "X-RateLimit-Limit-Requests"]
)
def test_a_limit_that_is_stated_is_gone_by(server, endpoint, time, header):
    server.extra_headers = {header: "4000"}
    counts_of(endpoint(), prompts(400))
    assert time.slept < 10
    server.extra_headers = {header: "20"}
    before = time.slept
    counts_of(endpoint("openai"), prompts(60))
    assert time.slept - before > 60


@pytest.mark.parametrize("stated", ["0", "-5", "many", "", "1.5", "\u0665"])
def test_a_limit_that_is_none_changes_nothing(server, endpoint, time, stated):
    server.extra_headers = {"anthropic-ratelimit-requests-limit": stated.encode().decode("latin-1")}
    counts_of(endpoint(), prompts(110))
    assert time.slept == pytest.approx(6, abs=0.1)


def test_too_many_requests_pause_and_slow_all(server, endpoint, time):
    """All of the first eight have arrived before the 429; the others are answered after it."""
    eight = threading.Barrier(8)

    def hold_the_first(call, trouble):
        if call.at == 1000.0:  # no one has waited yet
            eight.wait(30)
            if trouble is None:
                assert time.has_moved.wait(30), "nobody waits after the 429"

    server.before_answer = hold_the_first
    server.troubles.append(Trouble(429, headers={"Retry-After": "5"}))
    assert len(counts_of(endpoint(), prompts(28))) == 28
    assert time.slept >= 5 + 20 * 1.2  # up to eight had been sent


def test_a_limit_far_below_the_documented_one_is_found(server, endpoint, time):
    """Twelve a minute, by a server that counts for itself and says nothing of its limit."""
    allowed = {"tokens": 12.0, "at": time.clock()}

    def trouble(_):
        now = time.clock()
        allowed["tokens"] = min(12.0, allowed["tokens"] + (now - allowed["at"]) / 5)
        allowed["at"] = now
        if allowed["tokens"] >= 1:
            allowed["tokens"] -= 1
            return None
        return Trouble(429, headers={"Retry-After": "5"})

    server.trouble = trouble
    assert len(counts_of(endpoint(), prompts(60))) == 60
    assert time.slept > 48 * 5 - 5


def test_no_more_are_asked_for_at_once_or_held_than_said(server, endpoint):
    server.delay = 0.005
    drawn, found = [], []

    def drawing():
        for prompt in prompts(90):
            drawn.append(prompt)
            assert len(drawn) - len(found) <= 32
            yield prompt

    endpoint("openai").count_all(drawing(), lambda *each: found.append(each))
    assert len(found) == 90
    assert 1 < server.most_at_once <= 8


def test_counts_are_handed_over_in_the_callers_thread(endpoint):
    threads = set()
    endpoint().count_all(prompts(20), lambda *_: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_what_was_answered_before_a_failure_is_kept(server, endpoint):
    given = prompts(60)
    given[40] = (Message("user", "this one is poison"),)
    server.troubles.append(Trouble(400, b'{"error": "too spicy"}', word="poison", times=9))
    found = {}
    with pytest.raises(CountFailed, match="HTTP 400: too spicy"):
        endpoint().count_all(given, found.__setitem__)
    answered = {call.text.strip() for call in server.calls} - {"this one is poison"}
    assert {prompt[0].content for prompt in found} == answered
    assert 40 - 8 <= len(found) < 60


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_answered_before_an_interruption_is_kept(server, endpoint, error):
    found = {}

    def drawing():
        yield from prompts(50)
        raise error

    with pytest.raises(error):
        endpoint().count_all(drawing(), found.__setitem__)
    assert len(found) == len(server.calls) >= 18


def test_an_endpoint_is_known_for_three_providers_at_their_own_address(monkeypatch):
    for name, provider in KNOWN.items():
        for variable in provider.api_key_env:
            monkeypatch.setenv(variable, KEY)
        assert (make_count_endpoint(provider, "m") is not None) == (name in BASES)


def test_an_endpoint_elsewhere_is_known_only_in_anthropics_form(monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    known = {
        (name, kind): make_count_endpoint(
            Provider(name, kind, "http://localhost:1/v1", ("MY_KEY",), builtin_url=False), "m"
        )
        is not None
        for name in ("openai", "google", "my-lab")
        for kind in ("openai", "anthropic")
    }
    assert {each for each, found in known.items() if found} == {
        ("openai", "anthropic"),
        ("google", "anthropic"),
        ("my-lab", "anthropic"),
    }


def test_without_a_key_there_is_no_endpoint(monkeypatch):
    for variable in KNOWN["google"].api_key_env:
        monkeypatch.delenv(variable, raising=False)
    assert find_api_key(KNOWN["google"]) is None
    assert make_count_endpoint(KNOWN["google"], "m") is None
    monkeypatch.setenv("GOOGLE_API_KEY", "  ")
    assert make_count_endpoint(KNOWN["google"], "m") is None
    monkeypatch.setenv("GOOGLE_API_KEY", f" {KEY}\n")
    assert make_count_endpoint(KNOWN["google"], "m") is not None
    assert find_api_key(KNOWN["google"]) == KEY


def test_a_provider_that_counts_nothing_is_refused():
    with pytest.raises(CountFailed, match="groq/m: groq gave no count: no count endpoint"):
        CountTokensClient(KNOWN["groq"], "m", KEY)
