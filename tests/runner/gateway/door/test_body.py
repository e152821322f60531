"""Bodies: no more bytes and no longer than is allowed, also when decompressed."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from runner.gateway.door import Limits
from tests.runner.gateway.door.opened import (
    HELLO,
    connect,
    knock,
    parse,
    read_error,
    with_door,
    write_request,
)

COMPRESSED = {"gzip": gzip.compress, "deflate": zlib.compress}
SMALL = Limits(body_bytes=10_000, body_seconds=30.0)


def send(body, limits=SMALL, **headers):
    async def ask(door):
        return await knock(door, write_request(door, body=body, **headers))

    (status, headers, answer), notes = with_door(ask, limits=limits)
    assert not notes
    return status, answer


def write_chunks(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"


def test_a_body_may_be_as_large_as_is_allowed_and_no_larger():
    assert send(b"x" * 10_000)[0] == 200
    status, answer = send(b"x" * 10_001)
    assert status == 413
    assert read_error(answer) == "afcost: the body is larger than 10000 bytes"


def test_a_body_in_chunks_is_taken_and_limited():
    chunked = {"Content_Length": None, "Transfer_Encoding": "chunked"}
    status, answer = send(write_chunks(b"ab", b"cd"), **chunked)
    assert status == 200
    assert b'"body": "abcd"' in answer
    assert b'"Transfer-Encoding"' not in answer
    assert send(write_chunks(*[b"x" * 1000] * 11), **chunked)[0] == 413


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_body_is_limited_by_what_it_holds(name):
    compress = COMPRESSED[name]
    status, answer = send(compress(HELLO), Content_Encoding=name)
    assert status == 200
    assert b"messages" in answer
    assert b'"Content-Encoding"' not in answer
    assert send(compress(b"x" * 5_000_000), Content_Encoding=name)[0] == 413


def test_what_is_not_compressed_as_it_says_is_refused():
    assert send(b"no gzip at all, but long enough", Content_Encoding="gzip")[0] == 400
    assert send(HELLO, Content_Encoding="zstd")[0] in (400, 415)  # aiohttp may know it, or not
    assert send(HELLO, Content_Encoding="gzip, gzip")[0] == 415


def test_a_body_that_does_not_come_is_waited_for_only_so_long():
    status, answer = send(b"", Limits(body_seconds=0.05), Content_Length="5")
    assert status == 408
    assert "within 0.05 s" in read_error(answer)


def test_a_client_that_leaves_before_its_body_is_there_is_not_handed_over():
    async def ask(door):
        _, writer = await connect(door)
        writer.write(write_request(door, Content_Length="1000"))
        await writer.drain()
        writer.transport.abort()
        return await knock(door, write_request(door))

    seen = []

    async def note(call):
        seen.append(call.body)
        raise asyncio.CancelledError

    _, notes = with_door(lambda door: ignore(ask(door)), note)
    assert seen == [HELLO]
    assert not notes


async def ignore(asking):
    try:
        return await asking
    except (IndexError, ValueError):
        return None


def test_a_client_that_asks_before_it_sends_is_told_to():
    async def ask(door):
        reader, writer = await connect(door)
        head, _, _ = write_request(door, Expect="100-continue").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        told = await reader.readuntil(b"\r\n\r\n")
        writer.write(HELLO)
        answer = await reader.read()
        writer.close()
        return told, parse(answer)

    (told, (status, _, _)), _ = with_door(ask)
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["TLS", "many headers", "long address", "long header", "length", "two lengths"],
)
def test_what_is_no_request_is_refused_and_the_door_stays_open(request_bytes, caplog):
    async def ask(door):
        return await knock(door, request_bytes), await knock(door, write_request(door))

    ((refused, _, _), (served, _, _)), notes = with_door(ask)
    assert (refused, served) == (400, 200)
    assert not notes
    assert not caplog.records
