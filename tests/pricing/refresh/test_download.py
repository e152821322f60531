"""An answer of a server that is no price list is refused, and nothing has changed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pricing.errors import CannotUpdate
from pricing.refresh import update as updating
from pricing.refresh.update import update_feed
from tests.pricing.arbitrary_json import encoded
from tests.pricing.price_lists import DAY, FEEDS, GOOD, contents
from tests.pricing.refresh.list_server import Site, assert_refused, fetch


@pytest.mark.parametrize("status", [204, 301, 302, 304, 401, 403, 404, 429, 500, 503])
def test_an_answer_that_is_not_a_200_is_refused_and_no_redirection_followed(status, site, folder):
    site.status, site.body = status, b"" if status in {204, 304} else encoded(GOOD["openrouter"])
    site.headers = {"Location": site.url}
    assert_refused(site, folder, f"HTTP {status}")
    assert len(site.asked) == 1


def test_a_server_that_is_not_there_is_refused(folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_address[1]
    assert_refused(Site(f"http://127.0.0.1:{port}/"), folder, "cannot reach")


LIST = encoded(GOOD["openrouter"])


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"", {}, "not JSON"),
        (b"\xff\xfe\x00", {}, "not JSON"),
        (b"<!doctype html><title>Sign in</title>", {}, "not JSON"),
        (LIST[:-20], {}, "not JSON"),
        (LIST + b"x", {}, "not JSON"),
        (LIST, {"Content-Length": str(len(LIST) + 9)}, "openrouter"),
        (LIST, {"Content-Encoding": "gzip"}, "openrouter"),
        (gzip.compress(LIST)[:-30], {"Content-Encoding": "gzip"}, "openrouter"),
        (LIST, {"Transfer-Encoding": "chunked"}, "openrouter"),
        (b"[" * 200_000, {}, "not JSON"),
        (b'{"a":' * 200_000, {}, "not JSON"),
        (b"9" * 5_000, {}, "not JSON"),
        (b"null", {}, "expected an object"),
        (b"[]", {}, "expected an object"),
        (b'{"data": {}}', {}, "expected an object"),
        (b'{"data": []}', {}, "only 0 models"),
        (b'{"error": "rate limited"}', {}, "expected an object"),
    ],
)
def test_a_body_that_is_no_list_is_refused(body, headers, said, site, folder):
    site.body, site.headers = body, headers
    assert_refused(site, folder, said)


def test_a_compressed_list_is_read_and_one_that_unpacks_beyond_the_limit_is_refused(site, folder):
    site.headers = {"Content-Encoding": "gzip"}
    site.body = gzip.compress(LIST)
    fetch(site, folder)
    site.body = gzip.compress(b" " * (updating.MAX_DOWNLOAD_SIZE + 1), 1)
    assert_refused(site, folder, "larger than 32 MiB")


def test_a_list_of_more_than_32_mib_is_refused(site, folder):
    site.body = LIST + b" " * (33 << 20)
    assert_refused(site, folder, "larger than 32 MiB")


def test_a_server_that_never_comes_to_an_end_is_refused(site, folder, monkeypatch):
    monkeypatch.setattr(updating, "_MAX_SECONDS", 0.0)
    site.body = LIST + b" " * 200_000
    assert_refused(site, folder, "took longer")


def test_a_file_that_is_not_there_is_refused(folder):
    before = contents(folder)
    for place in (folder / "none.json", folder):
        with pytest.raises(CannotUpdate, match="cannot read"):
            update_feed(replace(FEEDS["openrouter"], url=str(place)), folder, DAY)
    assert contents(folder) == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "lists").write_text("a file")
    (tmp_path / "list").write_bytes(LIST)
    with pytest.raises(CannotUpdate):
        update_feed(
            replace(FEEDS["openrouter"], url=str(tmp_path / "list")), tmp_path / "lists", DAY
        )
