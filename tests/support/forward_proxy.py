"""A forward proxy that notes what it is asked for, and refuses as told.

    with run_forward_proxy(upstream_url) as proxy:
        ...  # the client under test has HTTP_PROXY=proxy.url
        assert proxy.calls[0].target == "http://provider.test/v1/chat/completions"

Whatever host a request names, it is passed on to one upstream. A CONNECT is always refused, with
`refusal` as its status, or by hanging up where that is 0; so are other requests if `refuses_all`.
"""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

OWN_TO_A_CONNECTION = {"connection", "proxy-authorization", "host", "content-length"}


@dataclass(frozen=True)
class ProxyCall:
    """One request that reached the proxy."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class ForwardProxy:
    """What a test sees of the proxy."""

    upstream: str
    refusal: int = 403
    refuses_all: bool = False
    url: str = ""
    calls: list[ProxyCall] = field(default_factory=list)


@contextlib.contextmanager
def run_forward_proxy(upstream: str) -> Iterator[ForwardProxy]:
    """Serve on a free port of 127.0.0.1, in a thread of its own."""
    proxy = ForwardProxy(upstream.rstrip("/"))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = proxy
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Server(ThreadingHTTPServer):
    proxy: ForwardProxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_CONNECT(self) -> None:
        """Note it, and refuse."""
        self._take(passes=False)

    def do_GET(self) -> None:
        """Note it, and pass it on."""
        self._take(passes=not self.server.proxy.refuses_all)

    def do_POST(self) -> None:
        """Note it, and pass it on."""
        self.do_GET()

    def _take(self, *, passes: bool) -> None:
        call = ProxyCall(self.command, self.path, dict(self.headers))
        self.server.proxy.calls.append(call)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._pass_on(body or None) if passes else self._refuse()

    def _refuse(self) -> None:
        self.close_connection = True
        if self.server.proxy.refusal:
            self._answer(self.server.proxy.refusal, b"")

    def _pass_on(self, body: bytes | None) -> None:
        url = f"{self.server.proxy.upstream}{urlsplit(self.path).path}"
        kept = {n: v for n, v in self.headers.items() if n.lower() not in OWN_TO_A_CONNECTION}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(urllib.request.Request(url, body, kept), timeout=30) as answer:  # noqa: S310 - loopback
                self._answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self._answer(error.code, error.read())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
