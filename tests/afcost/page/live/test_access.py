"""Who has not the secret, or comes from elsewhere, sees nothing and changes nothing."""

from __future__ import annotations

import pytest
import yarl

from afcost.page.live.access import SECRET_HEADER
from tests.afcost.page.live.served import SECRET

PATHS = ("/", "/runs", "/compare", "/runs/x", "/runs/x/events", "/runs/x/parts", "/runs/x/report",
         "/nothing", "/../../etc/passwd", "/afcost/page/source/live.js")  # fmt: skip


def refused(answer):
    status, text, headers = answer
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    return (status, text) == (403, "")


@pytest.mark.parametrize("cookie", [None, "", "wrong", SECRET[:-1], SECRET + "x"])
def test_without_the_secret_there_is_no_content(serve, cookie):
    async def ask(browser):
        return [await browser.ask(path, cookie=cookie) for path in PATHS]

    assert all(map(refused, serve(ask)))


def test_the_secret_in_the_address_becomes_a_cookie_and_leaves_it(serve):
    async def ask(browser):
        return [
            await browser.ask(f"/?secret={SECRET}", cookie=None),
            await browser.ask(
                yarl.URL(
                    f"{browser.base}//attacker.example/%0d%0aX:?secret={SECRET}", encoded=True
                ),
                cookie=None,
            ),
            await browser.ask("/?secret=wrong", cookie=None),
            await browser.post(f"/?secret={SECRET}", cookie=None),
        ]

    (status, text, headers), elsewhere, *others = serve(ask)
    assert (status, text, headers["Location"]) == (303, "", "/")
    assert elsewhere[2]["Location"] == "/attacker.example/%0d%0aX:"
    cookie = headers["Set-Cookie"]
    assert f"={SECRET};" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert all(map(refused, others))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "attacker.example:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "localhost.attacker.example"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_a_foreign_host_or_origin_is_refused_even_with_the_secret(serve, headers):
    async def ask(browser):
        both = {SECRET_HEADER: SECRET}
        return [
            await browser.ask("/", **headers),
            await browser.ask(f"/?secret={SECRET}", **headers),
            await browser.post("/runs/x/pause", **headers, **both),
        ]

    assert all(map(refused, serve(ask)))


def test_a_change_needs_the_secret_twice(serve, recorded):
    async def ask(browser):
        run = await browser.find_run()
        path = f"{run}/pause"
        return [
            await browser.post(path),
            await browser.post(path, **{SECRET_HEADER: "wrong"}),
            await browser.post(path, cookie=None, **{SECRET_HEADER: SECRET}),
            await browser.post(f"{path}?secret={SECRET}"),
        ]

    assert all(map(refused, serve(ask)))
    assert not (recorded.folder.path / "control.json").exists()


def test_other_methods_and_other_paths_are_not_there(serve):
    async def ask(browser):
        run = await browser.find_run()
        both = {SECRET_HEADER: SECRET}
        return [
            (await browser.ask(f"{run}/pause"))[0],
            (await browser.post(run, **both))[0],
            (await browser.ask(run, "DELETE", **both))[0],
            (await browser.ask(run, "PUT", **both))[0],
            (await browser.post(f"{run}/delete", **both))[0],
            (await browser.ask("/runs/"))[0],
            (await browser.ask("/runs/small"))[0],
            (await browser.ask("/runs/%2e%2e%2fhome"))[0],
            (await browser.ask(f"{run}/ledger.sqlite"))[0],
            (await browser.ask(f"{run}/plan.json"))[0],
        ]

    assert serve(ask) == [405, 405, 405, 405, 404, 404, 404, 404, 404, 404]


def test_a_large_body_is_refused(serve):
    async def ask(browser):
        run = await browser.find_run()
        headers = {SECRET_HEADER: SECRET, "Cookie": f"{browser.access.cookie}={SECRET}"}
        answer = browser.session.post(
            f"{browser.base}{run}/pause", data=b"x" * (64 << 10), headers=headers
        )
        async with answer as response:
            return response.status

    assert serve(ask) in (409, 413), "it is never read, or it is too large"
