"""Blind tunnels lead out of this machine and its networks, through the user's proxy if any."""

from __future__ import annotations

import asyncio
import socket

import pytest

from runner.gateway.intercept.connect_request import Target
from runner.gateway.intercept.tunnel import CannotReach, pass_on, reach

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "localhost", "::1", "0.0.0.0", "::ffff:127.0.0.1"),  # noqa: S104
        *("10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fe80::1", "fd00::1"),
        *("64:ff9b::7f00:1", "::127.0.0.1", "2002:7f00:1::", "2130706433", "ff02::1"),
    ],
)
def test_a_machine_near_this_one_is_not_connected_to(host):
    with pytest.raises(CannotReach, match="list its name in NO_PROXY"):
        asyncio.run(reach(Target(host, 443)))


def test_a_name_that_leads_to_a_near_machine_is_not_connected_to(monkeypatch):
    async def find(*_, **__):
        far = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
        near = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))
        return [far, near]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", find)
    with pytest.raises(CannotReach, match=r"made-up\.example is on this machine"):
        asyncio.run(reach(Target("made-up.example", 443)))


def test_a_host_that_is_not_found_is_named(monkeypatch):
    async def find(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", find)
    with pytest.raises(CannotReach, match=r"made-up\.example cannot be reached: Name or service"):
        asyncio.run(reach(Target("made-up.example", 443)))


def test_a_name_that_is_none_is_not_looked_up():
    with pytest.raises(CannotReach, match="cannot be reached: UnicodeError"):
        asyncio.run(reach(Target(f"{'a' * 70}.example", 443)))


def test_they_go_through_the_users_proxy_which_finds_the_host(monkeypatch):
    asked = []

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.write(await reader.read())
        writer.close()

    async def run():
        proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{port}")
        async with proxy:
            reader, writer = await reach(Target("made-up.example", 443))
            writer.write(b"hello")
            writer.write_eof()
            told = await reader.read()
            writer.close()
            return told

    assert asyncio.run(run()) == b"hello"
    (request,) = asked
    assert request.startswith(b"CONNECT made-up.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in request  # me:p@ss


def test_a_refusal_of_the_users_proxy_is_told_without_his_password(monkeypatch):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 No\r\n\r\n")
        writer.close()

    async def run():
        proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:opensesame@127.0.0.1:{port}")
        async with proxy:
            await reach(Target("made-up.example", 443))

    with pytest.raises(CannotReach, match=r"made-up\.example:443: HTTP 407") as e:
        asyncio.run(run())
    assert "opensesame" not in str(e.value)


def test_each_side_may_end_before_the_other():
    """A client that has said all still gets its answer."""

    async def run():
        (a, inner), (outer, b) = socket.socketpair(), socket.socketpair()
        one, client, two, far = [
            await asyncio.open_connection(sock=each) for each in (inner, a, outer, b)
        ]
        passing = asyncio.create_task(pass_on(one, two))
        client[1].write(b"question")
        client[1].write_eof()
        question = await far[0].read()
        far[1].write(b"answer")
        far[1].close()
        answer = await client[0].read()
        await passing
        client[1].close()
        return question, answer

    assert asyncio.run(run()) == (b"question", b"answer")
