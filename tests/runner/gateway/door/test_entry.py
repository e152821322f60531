"""Who has not the secret sees nothing; what only a browser sends is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.runner.gateway.door.opened import knock, port, read_error, with_door, write_request


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/openai/v1/chat/completions",
        "//openai",
        "/{secret}",  # nothing behind it
        "/{wrong}/openai/v1/chat/completions",
        "/{short}/openai/v1/chat/completions",
        "/x/{secret}/openai/v1/chat/completions",
        "/{secret}%2fopenai/v1",
        "/%00/openai",
        "/%ff/openai",
        "/../{secret}/openai",
    ],
)
def test_without_the_secret_nothing_is_here(path):
    async def ask(door):
        secret = urlsplit(door.url).path[1:]
        target = path.format(secret=secret, wrong=secret[::-1], short=secret[:-1])
        return [
            await knock(door, write_request(door, target, Host="attacker.example")),
            await knock(door, write_request(door, target, "DELETE")),
            await knock(door, write_request(door, target)),
        ]

    answers, notes = with_door(ask)
    for status, headers, body in answers:
        assert (status, body) == (404, b"")
        assert "aiohttp" not in headers["Server"]
        assert "afcost" not in f"{headers}"
    assert not notes


def test_what_is_behind_the_secret_is_handed_over_as_it_was_sent():
    async def ask(door):
        secret = urlsplit(door.url).path
        path = f"{secret}/google/v1beta/models/a%2fb:streamGenerateContent?alt=sse&key=a%20b"
        sent = {"x_goog_api_key": "afcost", "X_Label": "judge"}
        return await knock(door, write_request(door, path, **sent))

    (status, _, body), _ = with_door(ask)
    assert status == 200
    assert b'"path": "google/v1beta/models/a%2fb:streamGenerateContent"' in body
    assert b'"query": "alt=sse&key=a%20b"' in body
    assert b'["x-goog-api-key", "afcost"]' in body
    assert b'["X-Label", "judge"]' in body
    assert b'"Host"' not in body
    assert b'"Content-Length"' not in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Sec_Fetch_Mode": "cors"}, 200),  # Node's fetch sends it
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Host": "attacker.example:{port}"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": "[::1]:{port}"}, 403),
        ({"Host": "127.0.0.1:{port}\r\nHost: attacker.example"}, 400),
        ({"Host": None}, 400),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
    ids=str,
)
def test_a_foreign_host_and_a_web_page_are_refused(headers, status):
    async def ask(door):
        given = {name: each and each.format(port=port(door)) for name, each in headers.items()}
        return await knock(door, write_request(door, **given))

    (found, _, _), notes = with_door(ask)
    assert found == status
    assert not notes


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_three_methods_are_used(method):
    async def ask(door):
        return await knock(door, write_request(door, None, method, b""))

    (status, headers, _), _ = with_door(ask)
    assert status == (200 if method in ("GET", "HEAD", "POST") else 405)
    if status != 200:
        assert headers["x-should-retry"] == "false"


def test_each_door_has_a_secret_of_its_own_and_listens_on_this_machine_only():
    async def ask(door):
        return door.url, [site.name for site in door._runner.sites]

    (first, sites), _ = with_door(ask)
    (second, _), _ = with_door(ask)
    assert urlsplit(first).path != urlsplit(second).path
    assert len(urlsplit(first).path) > 32
    assert sites == [f"http://127.0.0.1:{urlsplit(first).port}"]


def test_a_port_that_is_taken_is_named():
    async def ask(door):
        return port(door)

    async def ask_twice(door):
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port(door)}"):
            await type(door)(door._handle, note=print, port=port(door)).__aenter__()

    with_door(ask_twice)
    with_door(ask)


def test_a_refusal_says_why():
    async def ask(door):
        return await knock(door, write_request(door, Origin="https://attacker.example"))

    (_, _, body), _ = with_door(ask)
    assert read_error(body) == "afcost: requests of web pages are refused"
