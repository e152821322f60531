"""A provider that sends whatever bytes an input describes, and remembers all that it received.

It listens on 127.0.0.1, in a thread of the test's own process, and speaks HTTP by hand, because a
library would refuse to send most of this. A script has up to three lists, `subject`, `judge` and
`models`; each reply is sent once, or `times`, and the last one for ever. A reply is an honest one,
changed by its fields:

    content, message, choice, top    of the completion
    usage, usage_is                  fields of its usage, or what stands there instead
    body                             another body: a text, bytes, or a value that is sent as JSON
    status, reason, headers          a list of [name, value]; `length` is told as Content-Length
    encode                           gzip
    raw                              all bytes of the reply
    pause                            seconds to wait

`${KEY}` in anything is the key that came with the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from estimator.counting import find_family_tokenizer
from experiment.prompts import Message
from tests.hostile.hostile_input import expand
from tests.hostile.scene import merge

HONEST = {"subject": "<OUTPUT>A unit of amount.</OUTPUT>", "judge": '{"refused": "no"}'}
PATIENCE = 2.0  # seconds, for who speaks no HTTP


@dataclass
class Received:
    """What came since the last reset."""

    connections: int = 0
    heads: list[str] = field(default_factory=list)
    prompts: list[tuple[str, str]] = field(default_factory=list)  # stage, text
    bytes: bytearray = field(default_factory=bytearray)


class HostileServer:
    """Answers by a script."""

    def __init__(self) -> None:
        self.received = Received()
        self._script: dict[str, list[Any]] = {}
        self.url = ""

    def reset(self, script: Mapping[str, Any]) -> None:
        """Forget what came, and answer by this script; large replies are made now, not later."""
        self._script = {
            stage: [made for each in replies for made in [expand(each, {})] * each.get("times", 1)]
            for stage, replies in script.items()
        }
        self.received = Received()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side has had enough."""
        self.received.connections += 1
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = await reader.readexactly(_length(head))
            self.received.heads.append(head)
            self.received.bytes += head.encode() + body
            await self._reply(head, body, writer)
        writer.close()

    async def _reply(self, head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        stage, asked = _read(head, body)
        if asked:
            self.received.prompts.append((stage, _prompt(asked)))
        reply = self._next(stage)
        await asyncio.sleep(reply.get("pause", 0))
        writer.write(_replace_key(_bytes(reply, stage, asked), _key(head)))
        await writer.drain()

    def _next(self, stage: str) -> dict[str, Any]:
        replies = self._script.get(stage, [{}])
        reply: dict[str, Any] = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply


@contextlib.contextmanager
def run_hostile_server() -> Iterator[HostileServer]:
    """Listen on a free port until the tests are done."""
    server, ready = HostileServer(), threading.Event()
    stops: list[Callable[[], object]] = []

    async def listen() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
        server.url = "http://{}:{}".format(*listening.sockets[0].getsockname())
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        async with listening:
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield server
    finally:
        stops[0]()
        thread.join()


def _bytes(reply: dict[str, Any], stage: str, asked: dict[str, Any] | None) -> bytes:
    """Write a reply: status line, headers and body."""
    if "raw" in reply:
        return _encode(reply["raw"])
    body = _body(reply, stage, asked)
    if reply.get("encode") == "gzip":
        body = gzip.compress(body)
    status, reason = reply.get("status", 200), reply.get("reason", "OK")
    headers = [["Content-Type", "application/json"], *reply.get("headers", [])]
    headers.append(["Content-Length", str(reply.get("length", len(body)))])
    headers.append(["Connection", "close"])
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return _encode("\r\n".join(lines)) + b"\r\n\r\n" + body


def _body(reply: dict[str, Any], stage: str, asked: dict[str, Any] | None) -> bytes:
    if "body" in reply:
        body = reply["body"]
        return _encode(body if isinstance(body, str | bytes) else json.dumps(body))
    if asked is None:
        return json.dumps({"data": [{"id": "llama-3.1-8b"}]}).encode()
    content = reply.get("content", HONEST[stage])
    message = merge({"role": "assistant", "content": content}, reply.get("message", {}))
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    top = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"],
        "choices": [merge(choice, reply.get("choice", {}))],
        "usage": merge(_usage(asked), reply.get("usage", {})),
    }
    if "usage_is" in reply:
        top["usage"] = reply["usage_is"]
    return _encode(json.dumps(merge(top, reply.get("top", {}))))


def _usage(asked: dict[str, Any]) -> dict[str, Any]:
    """Bill what the model's own tokenizer counts, and all tokens that were allowed."""
    messages = tuple(Message(each["role"], each["content"]) for each in asked["messages"])
    prompt = find_family_tokenizer("llama-3.1-8b").count(messages).tokens
    output = asked.get("max_tokens") or 24
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }


def _read(head: str, body: bytes) -> tuple[str, dict[str, Any] | None]:
    """Tell what a request asks for: a list of models, or an answer."""
    if not head.startswith("POST") or "/chat/completions" not in head.partition("\r")[0]:
        return "models", None
    asked = json.loads(body)
    assert isinstance(asked, dict)
    return ("judge" if "JUDGE THIS" in _prompt(asked) else "subject"), asked


def _prompt(asked: dict[str, Any]) -> str:
    return "\n".join(str(each["content"]) for each in asked["messages"])


def _length(head: str) -> int:
    lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
    return int(lengths[0].partition(":")[2]) if lengths else 0


def _key(head: str) -> str:
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.lower() in ("authorization", "x-api-key"):
            return value.strip().removeprefix("Bearer ")
    return "no key"


def _replace_key(reply: bytes, key: str) -> bytes:
    """Put the key in; Content-Length stays right where the body holds it."""
    if b"${KEY}" not in reply:
        return reply
    head, gap, body = reply.partition(b"\r\n\r\n")
    told = f"Content-Length: {len(body)}".encode()
    body = body.replace(b"${KEY}", key.encode())
    head = head.replace(b"${KEY}", key.encode())
    return head.replace(told, f"Content-Length: {len(body)}".encode()) + gap + body


def _encode(part: str | bytes) -> bytes:
    return part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
