"""A reverse proxy that notes every call: the test's own record of what an upstream billed.

    with run_recorder(upstream_url) as recorder:
        ...  # the client under test talks to recorder.url
        billed = sum(call.usage["prompt_tokens"] for call in recorder.calls if call.usage)

Method, path, query, headers, status and body pass through unchanged. A client that leaves takes
the upstream call with it, and an upstream that cuts the line cuts the client's too; both are
noted with the status None. It reads each answer whole before passing it on, so a stream arrives
in one piece; its usage is what its events say last.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 2**20
LONGEST_CALL = aiohttp.ClientTimeout(total=600)
# RFC 9110, 7.6.1: these belong to one connection; the last two are set anew for the next one.
OWN_TO_A_CONNECTION = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
}


@dataclass(frozen=True)
class Call:
    """One call that reached the proxy; bodies that are no JSON object are None or empty.

    `usage` is that of the answer, whole or streamed, None where it says none.
    """

    path: str
    request_body: dict[str, Any]
    status: int | None
    response_body: dict[str, Any] | None
    usage: dict[str, Any] | None
    started: float
    ended: float


class Recorder:
    """What a test sees of the proxy: where it is, and what it noted."""

    _session: aiohttp.ClientSession

    def __init__(self, upstream_url: str) -> None:
        self.url = ""
        self._upstream = upstream_url.rstrip("/")
        self._calls: list[Call] = []

    @property
    def calls(self) -> list[Call]:
        """The calls so far, in the order in which they ended."""
        return list(self._calls)

    async def serve(self, stop: asyncio.Event, ready: threading.Event) -> None:
        """Serve on a free port until told to stop."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1, access_log=None)
        await runner.setup()
        async with aiohttp.ClientSession(timeout=LONGEST_CALL, auto_decompress=False) as session:
            self._session = session
            await web.TCPSite(runner, HOST, 0).start()
            self.url = f"http://{HOST}:{runner.addresses[0][1]}"
            ready.set()
            await stop.wait()
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        """Forward one request and note it, whatever becomes of it."""
        started, sent = time.time(), await request.read()
        status: int | None = None
        answer = b""
        try:
            async with self._session.request(
                request.method,
                f"{self._upstream}{request.rel_url}",
                data=sent,
                headers=_passed_on(request.headers),
                skip_auto_headers=("Accept-Encoding", "User-Agent"),
            ) as upstream:
                answer = await upstream.read()
                status = upstream.status
                headers = _passed_on(upstream.headers)
            return web.Response(status=status, body=answer, headers=headers)
        except aiohttp.ClientError:
            return _cut(request)
        finally:
            self._calls.append(_call(request.path, sent, status, answer, started))


def _passed_on(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [item for item in headers.items() if item[0].lower() not in OWN_TO_A_CONNECTION]


def _cut(request: web.Request) -> web.Response:
    """Close the client's connection, as the upstream did; the response goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _call(path: str, sent: bytes, status: int | None, answer: bytes, started: float) -> Call:
    body = _object_in(answer)
    return Call(
        path=path,
        request_body=_object_in(sent) or {},
        status=status,
        response_body=body,
        usage=_usage_in([body] if body is not None else _events_in(answer)),
        started=started,
        ended=time.time(),
    )


def _events_in(answer: bytes) -> list[dict[str, Any]]:
    """Read the events of a stream."""
    lines = (line[5:] for line in answer.splitlines() if line.startswith(b"data:"))
    return [event for event in map(_object_in, lines) if event is not None]


def _usage_in(said: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Put the usage of a body together, or of a stream's events, where the last word counts."""
    usage: dict[str, Any] = {}
    for each in said:
        for holder in (each, each.get("message"), each.get("response")):
            told = holder.get("usage") if isinstance(holder, dict) else None
            usage |= told if isinstance(told, dict) else {}
    return usage or None


def _object_in(text: bytes) -> dict[str, Any] | None:
    """Read a JSON object, if that is what it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@contextlib.contextmanager
def run_recorder(upstream_url: str) -> Iterator[Recorder]:
    """Record what passes between its `.url` and `upstream_url`, in a thread of its own."""
    recorder, ready = Recorder(upstream_url), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(recorder.serve(stop, ready)), daemon=True
    )
    thread.start()
    try:
        if not ready.wait(timeout=10):
            raise RuntimeError("the recorder did not start within 10 s")
        yield recorder
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()
