"""A web server that gives a price list, or whatever else it is told to give."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pricing.errors import CannotUpdate
from pricing.refresh.update import update_feed
from tests.pricing.price_lists import DAY, FEEDS, contents


@dataclass
class Site:
    """A web server that gives one answer, and counts who asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        request.send_response(self.status)
        for name, value in ({"Content-Length": str(len(self.body))} | self.headers).items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):  # a client may have had enough
            request.wfile.write(self.body)


def fetch(site: Site, folder: Path, name: str = "openrouter") -> None:
    update_feed(replace(FEEDS[name], url=site.url), folder, DAY)


def assert_refused(site: Site, folder: Path, said: str) -> None:
    before = contents(folder)
    with pytest.raises(CannotUpdate, match=said) as error:
        fetch(site, folder)
    assert str(error.value).startswith("openrouter: ")
    assert "the previous prices stay in use" in str(error.value)
    assert contents(folder) == before
