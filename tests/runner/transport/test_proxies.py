"""Requests go through the proxy of the environment, and what fails there costs nothing."""

import asyncio
import base64
import socket

import pytest

from providers.failures import FailureScope
from providers.provider import Provider
from providers.proxies import find_proxy
from runner.errors import CannotSend
from runner.transport import Answered, HttpTransport, NotBilled, Unknown
from tests.runner.transport.test_sender import KEY, NAME, REQUEST
from tests.support.forward_proxy import run_forward_proxy
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

HTTP, HTTPS = "http://provider.test/v1", "https://provider.test/v1"
OF_THE_PROXY = "s3cr3t-w0rd-of-a-proxy"


@pytest.fixture(scope="module")
def server():
    with run_provider(Behaviour(output_tokens=20, input_tokens=9)) as provider:
        yield provider


@pytest.fixture
def proxy(server, monkeypatch):
    monkeypatch.setenv("MY_LAB_KEY", KEY)
    server.reset()
    with run_forward_proxy(server.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield proxy


def send(url, times=1):
    provider = Provider("mine", "openai", url, api_key_env=("MY_LAB_KEY",))

    async def sending():
        async with HttpTransport({"mine": provider}, 10) as sender:
            return [await sender.send(NAME, REQUEST) for _ in range(times)][-1]

    return asyncio.run(sending())


def test_a_request_goes_through_the_proxy_with_the_providers_key(proxy, server):
    assert isinstance(send(HTTP), Answered)
    (call,) = proxy.calls
    assert (call.method, call.target) == ("POST", f"{HTTP}/chat/completions")
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert "Proxy-Authorization" not in call.headers
    assert len(server.bill().billed) == 1


def test_the_password_of_a_proxy_goes_to_it_with_every_request(proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", f"//me:{OF_THE_PROXY}@"))
    assert isinstance(send(HTTP, times=2), Answered)
    expected = f"Basic {base64.b64encode(f'me:{OF_THE_PROXY}'.encode()).decode()}"
    assert [call.headers["Proxy-Authorization"] for call in proxy.calls] == [expected] * 2


def test_no_netrc_is_read(proxy, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine provider.test login me password stolen-0123456789\n"
        "machine 127.0.0.1 login me password stolen-0123456789\n",
        encoding="utf-8",
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("MY_LAB_KEY")
    keyless = Provider("mine", "openai", HTTP)

    async def sending():
        async with HttpTransport({"mine": keyless}, 10) as sender:
            return await sender.send(NAME, REQUEST)

    assert isinstance(asyncio.run(sending()), Answered)
    assert not {"Authorization", "Proxy-Authorization"} & proxy.calls[0].headers.keys()


def test_this_machine_and_what_no_proxy_names_are_reached_directly(proxy, server, monkeypatch):
    assert isinstance(send(f"{server.url}/v1"), Answered)
    monkeypatch.setenv("NO_PROXY", "provider.test")
    assert isinstance(send(HTTP), NotBilled)  # there is no such host
    assert proxy.calls == []


@pytest.mark.parametrize(
    ("status", "stops"), [(403, True), (407, True), (502, False), (503, False)]
)
def test_a_proxy_that_refuses_to_connect_costs_nothing(proxy, status, stops):
    proxy.refusal = status
    outcome = send(HTTPS)
    assert isinstance(outcome, NotBilled)
    assert (
        outcome.failure.scope is not FailureScope.REQUEST and not outcome.failure.retries,
        outcome.failure.retries,
    ) == (stops, not stops)
    assert f"the proxy {proxy.url} refused" in outcome.reason
    assert str(status) in outcome.reason
    assert [call.method for call in proxy.calls] == ["CONNECT"]


def test_a_proxy_that_hangs_up_before_it_connects_costs_nothing(proxy):
    proxy.refusal = 0
    outcome = send(HTTPS)
    assert isinstance(outcome, NotBilled)
    assert outcome.failure.retries


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("url", [HTTP, HTTPS])
def test_a_proxy_that_cannot_be_reached_costs_nothing(monkeypatch, url):
    with socket.socket() as closed:  # bound, and not listened on
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", address.replace("//", f"//me:{OF_THE_PROXY}@"))
        monkeypatch.setenv("HTTPS_PROXY", address.replace("//", f"//me:{OF_THE_PROXY}@"))
        outcome = send(url)
    assert isinstance(outcome, NotBilled)
    assert outcome.failure.retries
    assert f"through the proxy {address}" in outcome.reason
    assert OF_THE_PROXY not in outcome.reason


@pytest.mark.parametrize(
    ("status", "kind"), [(407, NotBilled), (403, NotBilled), (502, Unknown), (0, Unknown)]
)
def test_what_fails_once_a_request_is_on_its_way_may_have_been_billed(proxy, status, kind):
    proxy.refuses_all, proxy.refusal = True, status
    outcome = send(HTTP)
    assert isinstance(outcome, kind)
    assert outcome.failure.retries is (kind is Unknown)


def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"socks5://me:{OF_THE_PROXY}@127.0.0.1:1080")
    with pytest.raises(CannotSend, match="HTTP_PROXY is no proxy"):
        send(HTTP)
    assert find_proxy("https://provider.test") is not None
    assert proxy.calls == []
