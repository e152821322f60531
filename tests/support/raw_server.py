"""A server that answers with the very bytes it is told to, also ones that are not HTTP.

    with run_raw_server(lambda request: b"HTTP/1.1 200 OK\\r\\n\\r\\n") as url:
        ...

Each connection serves one request and is closed. What was asked is given to the answer as text.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator

_MAX_BODY = 2**20

Answer = Callable[[str], bytes | Iterable[bytes]]


@contextlib.contextmanager
def run_raw_server(answer: Answer) -> Iterator[str]:
    """Serve in threads of this process; give the address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                request = self._read_request()
                said = answer(request)
                for part in [said] if isinstance(said, bytes) else said:
                    self.wfile.write(part)

        def _read_request(self) -> str:
            lines, length = [], 0
            while (line := self.rfile.readline()).strip():
                lines.append(line)
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            return (b"".join(lines) + b"\r\n" + self.rfile.read(min(length, _MAX_BODY))).decode()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
