"""A provider's count endpoint in all three dialects, which counts words and misbehaves as told.

    with run_counting(clock) as server:
        server.troubles.append(Trouble(429, headers={"Retry-After": "5"}, times=3))
        ...  # POST to f"{server.url}/v1/messages/count_tokens"
        assert server.calls[0].headers["x-api-key"] == "key"

It runs in a thread of the test's own process, so that it reads the same clock as whoever is tested.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal

LONGEST_STALL_SECONDS = 10.0


@dataclass
class Trouble:
    """What is answered in place of a count.

    Attributes:
        status, body, headers: the answer.
        instead: close the connection, or say nothing, instead of answering.
        times: how many calls it strikes; only those of prompts that hold `word`.
    """

    status: int = 500
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    instead: Literal["cut", "stall"] | None = None
    times: int = 1
    word: str = ""


@dataclass(frozen=True)
class Call:
    """One call as it came, and when."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    text: str
    at: float


class CountServer(ThreadingHTTPServer):
    """The server: what it was asked, and how it answers.

    Attributes:
        calls: in the order that they came in.
        troubles: the first that strikes a call is what happens.
        extra_headers: told with every count.
        delay: real seconds between a call and its count.
        before_answer: called with each call and its trouble; it may wait.
        most_at_once: how many calls there were at the same time, at most.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.clock = clock
        self.calls: list[Call] = []
        self.troubles: list[Trouble] = []
        self.extra_headers: dict[str, str] = {}
        self.delay = 0.0
        self.before_answer: Callable[[Call, Trouble | None], object] = lambda *_: None
        self.most_at_once = self.at_once = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def trouble(self, text: str) -> Trouble | None:
        """Take the trouble that strikes a call."""
        for trouble in self.troubles:
            if trouble.times and trouble.word in text:
                trouble.times -= 1
                return trouble
        return None

    def handle_error(self, *_: object) -> None:
        """Say nothing where a client leaves early."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: in two, the second waits for an acknowledgement
    server: CountServer
    FIELDS: ClassVar = {
        "/v1/messages/count_tokens": "input_tokens",
        "/v1/responses/input_tokens": "input_tokens",
    }

    def do_POST(self) -> None:
        """Note the call, then count or do what the trouble says."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = " ".join(_texts(body))
        with self.server.lock:
            call = Call(self.path, dict(self.headers), body, text, self.server.clock())
            self.server.calls.append(call)
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
            trouble = self.server.trouble(text)
        time.sleep(self.server.delay)
        self.server.before_answer(call, trouble)
        with self.server.lock:
            self.server.at_once -= 1
        if trouble is None:
            name = self.FIELDS.get(self.path, "totalTokens")
            self._answer(200, json.dumps({name: len(text.split())}).encode(), {})
        elif trouble.instead is None:
            self._answer(trouble.status, trouble.body, trouble.headers)
        else:
            if trouble.instead == "stall":
                self.server.ended.wait(LONGEST_STALL_SECONDS)
            self.close_connection = True

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (self.server.extra_headers | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _texts(body: Any) -> Iterator[str]:
    """Return every text of a prompt, wherever a dialect puts it."""
    match body:
        case {"generateContentRequest": {"contents": turns, **rest}}:
            for turn in [rest.get("systemInstruction", {"parts": []}), *turns]:
                yield from (part["text"] for part in turn["parts"])
        case {"messages": turns} | {"input": turns}:
            yield body.get("system", "")
            yield from (turn["content"] for turn in turns)


@contextlib.contextmanager
def run_counting(clock: Callable[[], float] = time.monotonic) -> Iterator[CountServer]:
    """Serve on a free port of 127.0.0.1, in threads of this process."""
    server = CountServer(clock)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
