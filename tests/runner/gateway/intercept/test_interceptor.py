"""Connections to providers are read, those to other hosts are not, and only with the secret."""

from __future__ import annotations

import asyncio
import json
import ssl

import pytest

from runner.gateway.intercept.connect_request import Target
from runner.gateway.intercept.identity import make_identity
from runner.gateway.intercept.tunnel import CannotReach
from tests.runner.gateway.intercept.intercepted import HOSTS, OPENAI, opened_interceptor

LOGIN = b"Proxy-Authorization: Basic SECRET\r\n"


@pytest.mark.parametrize(
    ("host", "path", "handed"),
    [
        (OPENAI, "/v1/chat/completions", "openai/v1/chat/completions"),
        ("API.OpenAI.com.", "/v1/responses?x=1", "openai/v1/responses"),
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter/api/v1/chat/completions"),
        ("api.together.ai", "/v1/chat/completions", "together/v1/chat/completions"),
        ("api.mistral.ai", "/v1/a%2fb", "mistral/v1/a%2fb"),
    ],
)
def test_a_call_to_a_providers_host_is_handed_over(host, path, handed, tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            return await opened.ask(host.rstrip("."), path), opened.proxy.tally

    (status, body), tally = asyncio.run(run())
    assert (status, json.loads(body)["path"]) == (200, handed)
    assert not tally.unread
    assert not tally.refused


def test_inside_of_a_connection_a_call_is_for_the_host_that_it_names(tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            for host in ("api.anthropic.com:443", "example.org", "api.openai.com:80"):
                yield await opened.ask(headers={"Host": host})

    async def collect():
        return [each async for each in run()]

    (told, other, odd) = asyncio.run(collect())
    assert json.loads(told[1])["path"] == "anthropic/v1/chat/completions"
    assert other == odd == (404, b"")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://attacker.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_requests_of_web_pages_are_refused_here_too(headers, status, tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            return await opened.ask(headers=headers)

    assert asyncio.run(run())[0] == status


@pytest.mark.parametrize("said", [b"POST /v1/x HTTP/1.1\r\n\r\n", b"OPTIONS *", b"\x00\x01"])
def test_a_client_that_speaks_without_tls_is_told_so(said, tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            answer = await opened.say(
                b"CONNECT api.openai.com:443 HTTP/1.1\r\n" + LOGIN + b"\r\n", then=said
            )
            return answer, opened.proxy.tally

    answer, tally = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 400 api.openai.com was spoken to without TLS")
    assert sum(tally.refused.values()) == 1
    assert not tally.distrusted


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n", 407),
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\nAuthorization: Basic SECRET\r\n\r\n", 407),
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\nProxy-Authorization: Bearer SECRET\r\n\r\n", 407),
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\nProxy-Authorization: Basic ?\r\n\r\n", 407),
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\n" + LOGIN + LOGIN + b"\r\n", 407),
        (b"GET http://api.openai.com/v1/models HTTP/1.1\r\n\r\n", 407),
        (b"GET http://api.openai.com/v1/models HTTP/1.1\r\n" + LOGIN + b"\r\n", 405),
        (b"CONNECT api.openai.com:99999 HTTP/1.1\r\n" + LOGIN + b"\r\n", 405),
        (b"CONNECT a:443 HTTP/1.1\r\nProxy-Authorization: Basic \xe9\r\n\r\n", 407),
        (b"CONNECT .:80 HTTP/1.1\r\n" + LOGIN + b"\r\n", 405),
        (b"CONNECT [:::]:1 HTTP/1.1\r\n" + LOGIN + b"\r\n", 405),
        (b"CONNECT a/b:443 HTTP/1.1\r\n" + LOGIN + b"\r\n", 405),
        (b"CONNECT a:443 HTTP/1.1\r\n" + LOGIN + b"\r\nmore", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nX: " + b"x" * 20_000, 400),
    ],
    ids=str,
)
def test_only_a_connection_with_the_secret_is_made(text, status, tmp_path):
    reached = []

    async def reach(target):
        reached.append(target)
        raise CannotReach("no")

    async def run():
        async with opened_interceptor(tmp_path, reach=reach) as opened:
            return await opened.say(text)

    answer = asyncio.run(run())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"afcost" not in answer
    assert (b"Proxy-Authenticate: Basic" in answer) == (status == 407)
    assert not reached


def test_a_wrong_secret_opens_no_connection(tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            with pytest.raises(OSError, match="407"):
                await opened.ask(secret="guessed")  # noqa: S106 - a wrong one

    asyncio.run(run())


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("eu.api.openai.com", 443, "OpenAI in a region"),
        ("bedrock-runtime.us-east-1.amazonaws.com", 443, "Bedrock"),
        ("us-central1-aiplatform.googleapis.com", 443, "Vertex"),
        (OPENAI, 8443, "on port 443 only"),
    ],
)
def test_hosts_of_models_that_are_not_read_are_refused(host, port, why, tmp_path):
    async def run():
        async with opened_interceptor(tmp_path) as opened:
            with pytest.raises(OSError, match=f"403.*{why}"):
                await opened.ask(host, port=port)
            return opened.proxy.tally.refused

    ((reason, count),) = asyncio.run(run()).items()
    assert host in reason
    assert count == 1


def test_another_processs_authority_is_not_trusted(tmp_path):
    async def run():
        other = make_identity(HOSTS.providers, tmp_path)
        async with opened_interceptor(tmp_path) as opened:
            with pytest.raises(ssl.SSLCertVerificationError):
                await opened.ask(trusted=other.authority)
            while not opened.proxy.tally.distrusted:  # noqa: ASYNC110 - it is told a little later
                await asyncio.sleep(0.005)
            return dict(opened.proxy.tally.distrusted)

    assert asyncio.run(run()) == {OPENAI: 1}


def test_a_connection_to_another_host_is_passed_on_unread(tmp_path):
    own = make_identity(["made-up.example"], tmp_path)

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        body = f"{len(head)} at {writer.get_extra_info('ssl_object').selected_alpn_protocol()}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=own.tls)
        port = server.sockets[0].getsockname()[1]

        async def reach(target):
            assert target == Target("made-up.example", 8443)
            return await asyncio.open_connection("127.0.0.1", port)

        async with server, opened_interceptor(tmp_path, reach=reach) as opened:
            # The client trusts the host's own certificate, and not that of the gateway.
            found = await opened.ask("made-up.example", port=8443, trusted=own.authority)
            return found, dict(opened.proxy.tally.unread)

    (status, body), unread = asyncio.run(run())
    assert status == 200
    assert body.endswith(b"at http/1.1")
    assert unread == {"made-up.example": 1}
