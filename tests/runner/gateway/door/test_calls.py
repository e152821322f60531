"""Calls: a client that hangs up ends nothing, what fails is noted, and a closed door waits."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request

import aiohttp
import pytest
from aiohttp import web

from runner.gateway.door import ClientAnswer
from tests.runner.gateway.door.opened import (
    HELLO,
    connect,
    knock,
    parse,
    until,
    with_door,
    write_request,
)

SECRET_BODY = b'{"prompt": "nobody may read this"}'


class Upstream:
    """A handler that streams pieces, each when it is told to, and remembers how far it came."""

    def __init__(self, pieces: int = 3) -> None:
        self.pieces, self.written = pieces, 0
        self.began, self.go_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, call):
        answer = ClientAnswer(call, headers={"Content-Type": "text/event-stream"})
        await answer.begin()
        await answer.write(b"data: 0\n\n")
        self.began.set()
        await self.go_on.wait()
        for piece in range(1, self.pieces):
            await answer.write(b"data: %d\n\n" % piece)
            await asyncio.sleep(0)
            self.written = piece
        self.ended.set()
        return await answer.end()


def test_an_answer_is_streamed_as_it_comes():
    async def ask(door):
        upstream = door._handle
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{door.url}/openai/v1/chat/completions", data=HELLO) as response,
        ):
            first = await response.content.readuntil(b"\n\n")  # the rest is not written yet
            upstream.go_on.set()
            return first, await response.read(), response.headers["Content-Type"]

    (first, rest, kind), notes = with_door(ask, Upstream())
    assert (first, rest) == (b"data: 0\n\n", b"data: 1\n\ndata: 2\n\n")
    assert kind == "text/event-stream"
    assert not notes


def test_the_headers_are_sent_before_the_first_piece():
    release = asyncio.Event()

    async def handle(call):
        answer = ClientAnswer(call)
        await answer.begin()
        await release.wait()
        return await answer.end()

    async def ask(door):
        reader, writer = await connect(door)
        writer.write(write_request(door))
        head = await reader.readuntil(b"\r\n\r\n")
        release.set()
        await reader.read()
        writer.close()
        return head

    head, _ = with_door(ask, handle)
    assert head.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("how", ["close", "abort", "half"])
def test_a_client_that_hangs_up_in_the_middle_ends_nothing(how):
    async def ask(door):
        upstream = door._handle
        reader, writer = await connect(door)
        writer.write(write_request(door))
        await reader.readuntil(b"data: 0")
        await upstream.began.wait()
        if how == "half":
            writer.write_eof()
        elif how == "abort":
            writer.transport.abort()
        else:
            writer.close()
        upstream.go_on.set()
        await upstream.ended.wait()
        writer.close()
        return upstream.written

    written, notes = with_door(ask, Upstream(5000))
    assert written == 4999
    assert not notes


def test_a_client_that_hangs_up_before_the_answer_ends_nothing():
    left, done = asyncio.Event(), []

    async def handle(call):
        await left.wait()
        await until(lambda: call.has_left)
        done.append(call.path)
        return web.json_response({"late": True})

    async def ask(door):
        _, writer = await connect(door)
        writer.write(write_request(door))
        await until(lambda: door.open_calls)
        writer.close()
        left.set()
        await until(lambda: not door.open_calls)

    _, notes = with_door(ask, handle)
    assert done == ["openai/v1/chat/completions"]
    assert not notes


def test_a_stream_to_a_client_that_has_left_goes_nowhere():
    done = []

    async def handle(call):
        await until(lambda: call.has_left)
        answer = ClientAnswer(call)
        await answer.begin()
        await answer.write(b"data: 0\n\n")
        done.append(answer.has_left)
        return await answer.end()

    async def ask(door):
        _, writer = await connect(door)
        writer.write(write_request(door))
        await until(lambda: door.open_calls)
        writer.close()
        await until(lambda: not door.open_calls)
        return (await knock(door, write_request(door, "/")))[0]

    status, notes = with_door(ask, handle)
    assert (status, done) == (404, [True])
    assert not notes


def test_a_client_that_takes_nothing_is_left_and_the_answer_read_on():
    written = []

    async def handle(call):
        answer = ClientAnswer(call, patience=0.05)
        await answer.begin()
        for _ in range(64):
            await answer.write(b"x" * (1 << 20))
            written.append(answer.has_left)
        return await answer.end()

    async def ask(door):
        client = socket.create_connection(("127.0.0.1", door._entry.port))
        with client:
            client.sendall(write_request(door))
            await until(lambda: len(written) == 64)

    _, notes = with_door(ask, handle)
    assert written[-1]
    assert not notes


async def fail(call):
    raise ValueError(f"no JSON: {call.body!r}")


async def fail_later(call):
    answer = ClientAnswer(call)
    await answer.begin()
    await answer.write(b"half")
    raise OSError(28, "No space left on device", "/somewhere")


def test_what_fails_gives_a_500_without_details_and_a_note_without_the_body():
    async def ask(door):
        first = await knock(door, write_request(door, body=SECRET_BODY, x_api_key="sk-secret"))
        again, _, _ = await knock(door, write_request(door))
        return first, again, door.url

    ((status, headers, body), again, url), notes = with_door(ask, fail)
    assert (status, again, headers["x-should-retry"]) == (500, 500, "false")
    assert b"nobody" not in body
    assert b"ValueError" not in body
    assert len(notes) == 2
    assert "ValueError" in notes[0]
    assert "test_calls.py" in notes[0]
    assert all(each not in notes[0] for each in ("nobody", "sk-secret", url.rpartition("/")[2]))


def test_what_fails_after_it_began_is_cut_and_never_looks_whole():
    async def ask(door):
        reader, writer = await connect(door)
        writer.write(write_request(door))
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    answer, notes = with_door(ask, fail_later)
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"500" not in answer
    assert "No space left on device" in notes[0]
    assert "/somewhere" not in notes[0]


def test_an_answer_that_is_broken_off_never_looks_whole():
    async def handle(call):
        answer = ClientAnswer(call)
        await answer.begin()
        await answer.write(b"half")
        return answer.break_off()

    async def ask(door):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{door.url}/openai/v1/responses", data=HELLO) as response,
        ):
            await response.read()

    with pytest.raises(aiohttp.ClientError):
        with_door(ask, handle)


def test_a_closed_door_waits_for_open_calls_and_takes_no_new_ones():
    upstream = Upstream()

    async def ask(door):
        idle_reader, idle = await connect(door)  # a connection that is kept
        idle.write(write_request(door, None, "GET", b"", Connection="keep-alive"))
        await until(lambda: door.open_calls)
        closing = asyncio.create_task(door.close())
        await until(lambda: door._is_closing)
        with pytest.raises(ConnectionError):
            await knock(door, write_request(door))
        assert not closing.done()
        upstream.go_on.set()
        answer = await idle_reader.read()
        await closing
        idle.close()
        return parse(answer)

    (status, _, body), _ = with_door(ask, upstream)
    assert status == 200
    assert body.endswith(b"data: 2\n\n\r\n0\r\n\r\n")


def test_a_door_that_is_cancelled_while_it_waits_ends_open_calls():
    ended = []

    async def handle(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("settled")
            raise

    async def ask(door):
        _, writer = await connect(door)
        writer.write(write_request(door))
        await until(lambda: door.open_calls)
        closing = asyncio.create_task(door.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        writer.close()

    with_door(ask, handle)
    assert ended == ["settled"]


def test_a_plain_client_of_the_standard_library_is_served():
    async def ask(door):
        def get():
            asked = urllib.request.Request(  # noqa: S310 - loopback
                f"{door.url}/anthropic/v1/messages", HELLO, {"x-api-key": "afcost"}
            )
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                return json.load(answer)

        return await asyncio.to_thread(get)

    told, _ = with_door(ask)
    assert told["path"] == "anthropic/v1/messages"


def test_many_clients_are_served_at_once():
    together = asyncio.Barrier(200)

    async def handle(_):
        async with asyncio.timeout(60):
            await together.wait()
        return web.json_response({})

    async def ask(door):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one():
                async with session.post(f"{door.url}/openai/v1/responses", data=HELLO) as response:
                    return response.status

            return await asyncio.gather(*(one() for _ in range(200)))

    statuses, _ = with_door(ask, handle)
    assert statuses == [200] * 200
