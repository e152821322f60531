"""The provider's cache, by plain HTTP: what is read and written, when, and what is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.http_client import post
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

LONG, SHORT = "word " * 1200, "word " * 100
PROMPT, PREFIX = 2000, 1992  # tokens of a long prompt with a question, about; of what it shares
MARK = {"type": "ephemeral"}


@pytest.fixture(scope="module")
def provider():
    with run_provider() as running:
        yield running


def marked(text, question="why?", **mark):
    system = [{"type": "text", "text": text, "cache_control": MARK | mark}]
    turn = {"role": "user", "content": question}
    return {"model": "m", "max_tokens": 9, "system": system, "messages": [turn]}


def ask(provider, body, path="/v1/messages"):
    reply = post(f"{provider.url}{path}", body)
    return reply.status, reply.json


def cached(provider, body):
    usage = ask(provider, body)[1]["usage"]
    hour = usage.get("cache_creation", {}).get("ephemeral_1h_input_tokens", 0)
    return usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"] - hour, hour


def test_what_is_marked_is_written_once_and_then_read(provider):
    provider.reset(Behaviour(caches="marked", input_tokens=PROMPT))
    read, written, _ = cached(provider, marked(LONG))
    assert (read, written) == (0, pytest.approx(PREFIX, abs=8))
    assert cached(provider, marked(LONG, "how?")) == (written, 0, 0)
    assert cached(provider, marked(LONG + "!"))[0] == 0
    calls = provider.bill().calls
    assert [each.cache_read_tokens for each in calls] == [0, written, 0]
    assert {each.input_tokens for each in calls} == {PROMPT}


def test_it_is_forgotten_some_time_after_its_last_use(provider):
    provider.reset(Behaviour(caches="marked", input_tokens=PROMPT))
    for keep, seconds in (("5m", 300), ("1h", 3600)):
        is_hour = keep == "1h"
        first = cached(provider, marked(LONG, ttl=keep))
        assert first[2 if is_hour else 1] > 0
        for _ in range(2):  # each use begins the time again
            provider.forward(seconds * 0.7)
            assert cached(provider, marked(LONG, ttl=keep))[0] > 0
        provider.forward(seconds + 1)
        assert cached(provider, marked(LONG, ttl=keep)) == first
        provider.forward(4000)


def test_requests_side_by_side_do_not_see_what_others_write(provider):
    provider.reset(Behaviour(caches="marked", input_tokens=PROMPT))
    provider.hold_after(0)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(cached, provider, marked(LONG)) for _ in range(3)]
        provider.arrived(3, 10)
        provider.release()
        assert all(each.result()[0] == 0 for each in asked)
    assert cached(provider, marked(LONG))[0] > 0


def test_what_is_short_or_not_marked_is_not_cached(provider):
    provider.reset(Behaviour(caches="marked"))
    for body in (marked(SHORT), marked(LONG) | {"system": LONG}):
        assert [cached(provider, body) for _ in range(2)] == [(0, 0, 0)] * 2


@pytest.mark.parametrize("mark", [{"ttl": "2h"}, {"type": "persistent"}])
def test_marks_that_it_does_not_know_are_refused(provider, mark):
    provider.reset(Behaviour(caches="marked"))
    assert ask(provider, marked(LONG, **mark))[0] == 400
    assert not provider.bill().billed


def test_without_marks_whole_chunks_are_read_and_written_for_nothing(provider):
    provider.reset(Behaviour(caches="unasked"))
    details = []
    for question in ("why?", "how?"):
        messages = [{"role": "system", "content": LONG}, {"role": "user", "content": question}]
        usage = ask(provider, {"model": "m", "messages": messages}, "/v1/chat/completions")[1]
        details.append(usage["usage"]["prompt_tokens_details"]["cached_tokens"])
    assert details[0] == 0
    assert details[1] == pytest.approx(1024 + 3 * 128, rel=0.05)
