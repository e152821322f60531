"""Prompts are counted through the same proxy that requests go through."""

import pytest

from estimator.counting.provider_endpoint.endpoint import make_count_endpoint
from estimator.errors import CountFailed
from experiment.prompts.request import Message
from providers.provider import Provider
from tests.support.forward_proxy import run_forward_proxy
from tests.support.provider.count_endpoint import run_counting

PROMPT = (Message("user", "one two three"),)
CLAUDE = Provider("mine", "anthropic", "http://provider.test/v1", ("MY_LAB_KEY",))


@pytest.fixture
def proxy(monkeypatch):
    monkeypatch.setenv("MY_LAB_KEY", "sk-0123456789")
    with run_counting() as server, run_forward_proxy(server.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        yield proxy


def test_a_prompt_is_counted_through_the_proxy(proxy):
    assert make_count_endpoint(CLAUDE, "claude").count(PROMPT) > 0
    (call,) = proxy.calls
    assert call.target == "http://provider.test/v1/messages/count_tokens"


def test_a_proxy_that_cannot_be_used_is_named(proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(CountFailed, match="HTTP_PROXY is no proxy that can be used"):
        make_count_endpoint(CLAUDE, "claude")
    assert proxy.calls == []
