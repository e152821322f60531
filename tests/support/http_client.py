"""The plainest HTTP client, for tests of the servers themselves: no retries, nothing hidden."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


def post(
    url: str,
    body: dict[str, Any],
    *,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    when_sent: Callable[[], object] = lambda: None,
) -> Reply:
    """Send one request over a connection of its own.

    Args:
        url, body, headers: the request.
        timeout: seconds of silence, after which it leaves.
        when_sent: called before it listens, to wait until the server has come so far.

    Raises:
        http.client.HTTPException, OSError: there was no answer.
    """
    sent = {"Content-Type": "application/json"} | (headers or {})
    return ask("POST", url, json.dumps(body).encode(), sent, timeout, when_sent)


def ask(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    when_sent: Callable[[], object] = lambda: None,
) -> Reply:
    """Send one request of any method; else as `post`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body, headers or {})
        when_sent()
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.headers), answer.read().decode())
    finally:
        connection.close()
