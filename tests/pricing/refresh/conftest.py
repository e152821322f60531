"""What the tests of fetching price lists share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.pricing.arbitrary_json import encoded
from tests.pricing.price_lists import GOOD, genai_list, take
from tests.pricing.refresh.list_server import Site


@pytest.fixture(scope="module")
def genai() -> list[dict[str, Any]]:
    return genai_list()


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        site.url = f"http://127.0.0.1:{http.server_address[1]}/list"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield site
        http.shutdown()
        thread.join()


@pytest.fixture
def site(server, monkeypatch) -> Site:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.status, server.body, server.headers = 200, b"", {}
    server.asked.clear()
    return server


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder that holds a good list of each provider, and of OpenRouter the one before."""
    path = tmp_path / "lists"
    for name, payload in GOOD.items():
        take(name, encoded(payload), path)
    take("openrouter", encoded(GOOD["openrouter"]), path)
    return path
