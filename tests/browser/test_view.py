"""A live page in a real browser: it is renewed, read by keyboard, held, paused and stopped."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from tests.browser.watched_page import RULES
from tests.e2e.sample_experiment import planned
from tests.e2e.test_pausing import obeyed
from tests.e2e.test_view import find_address
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider
from tests.support.waiting import wait_until

USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))
HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">\u202e"
SOON = 30_000  # milliseconds


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def lab(server, tmp_path):
    server.reset(USUAL)
    lab = planned(tmp_path, server.url, '{input: "0.50", output: "2.00"}', limit=6)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    return lab


@pytest.fixture
def running(lab, server):
    """Start a run that waits after its first answers, with a page of it."""
    server.hold_after(12)
    with lab.start("run", "plan.json", "--concurrency", "4") as process:
        wait_until(lambda: len(server.bill().calls) >= 14)
        with lab.start("view", str(lab.run_folder())) as view:
            yield lab, process, find_address(view)
            server.release()
            view.send_signal(signal.SIGINT)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def find_faults(page):
    """Return what axe finds wrong with the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"runOnly": RULES}).response["violations"]
    return [(each["id"], [node["target"] for node in each["nodes"][:3]]) for each in found]


def figure(page, path):
    return page.get_attribute(f'[data-figure="{path}"]', "value")


def wait_for(page, condition):
    page.wait_for_function(condition, timeout=SOON)


def test_the_page_is_renewed_and_the_secret_has_left_the_address(running, server, open_page):
    _, process, address = running
    seen = open_page(address)
    page = seen.page
    assert "secret" not in page.url
    assert "running" in page.inner_text("h1")
    before = figure(page, "spent_usd")
    server.release()
    process.communicate(timeout=60)
    wait_for(page, "() => document.querySelector('h1').textContent.includes('complete')")
    assert figure(page, "spent_usd") != before
    assert "complete" in page.inner_text("#said")
    assert not page.is_visible("#pause")
    assert not page.is_visible("#stop")
    assert seen.find_cut_texts() == []
    page.click('a[href$="/report"]')
    wait_for(page, "() => document.getElementById('found').textContent === '24 of 24 answers'")
    page.click("#list a")
    wait_for(page, "() => document.querySelector('#pair article .text')")


def test_a_run_is_paused_resumed_and_stopped_by_keyboard(running, server, open_page):
    lab, process, address = running
    page = open_page(address).page
    page.focus("#pause")
    page.keyboard.press("Enter")
    wait_for(page, "() => document.querySelector('h1').textContent.includes('paused since')")
    assert page.evaluate("document.activeElement.id") == "resume", "the focus is not lost"
    page.keyboard.press("Enter")
    wait_for(page, "() => !document.querySelector('h1').textContent.includes('paused')")
    page.focus("#stop")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "stop-not", "it asks again"
    page.keyboard.press("Enter")
    control = lab.run_folder() / "control.json"
    assert '"stop": ""' in control.read_text()
    page.click("#stop")
    page.click("#stop-now")
    wait_until(lambda: obeyed(lab.run_folder()).stop)
    server.release()
    process.communicate(timeout=60)
    assert process.returncode == 130
    wait_for(page, "() => document.querySelector('h1').textContent.includes('interrupted')")


def test_what_is_read_or_held_stays_as_it_is(running, server, open_page):
    _, process, address = running
    page = open_page(address).page
    page.focus("#calls .scroll")
    page.evaluate("document.querySelector('#calls table').dataset.mark = 'old'")
    server.release()
    process.communicate(timeout=60)
    wait_for(page, "() => document.querySelector('h1').textContent.includes('complete')")
    assert page.get_attribute("#calls table", "data-mark") == "old"
    page.focus("#hold")
    wait_for(page, "() => !document.querySelector('#calls table').dataset.mark")


def test_a_held_page_is_not_renewed_until_it_is_let_go(running, server, open_page):
    _, process, address = running
    page = open_page(address).page
    page.click("#hold")
    server.release()
    process.communicate(timeout=60)
    wait_for(page, "() => document.getElementById('said').textContent.includes('complete')")
    assert "running" in page.inner_text("h1")
    page.click("#hold")
    wait_for(page, "() => document.querySelector('h1').textContent.includes('complete')")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_and_the_list_are_accessible_and_nothing_is_cut(running, open_page, width, scheme):
    _, _, address = running
    seen = open_page(address, width=width, scheme=scheme, bypass_csp=True)
    assert seen.find_cut_texts() == []
    assert find_faults(seen.page) == []
    seen.list_tab_stops()
    assert list(seen.list_unreached()) == []
    seen.page.click("a[href='/runs']")
    seen.page.wait_for_selector("#h-runs")
    assert seen.find_cut_texts() == []
    assert find_faults(seen.page) == []


def test_a_hostile_answer_is_shown_as_text(lab, server, open_page):
    server.reset(replace(USUAL, text=HOSTILE))
    with lab.start("run", "plan.json") as process:  # its judge cannot be read: it may end with 1
        process.communicate(timeout=60)
    with lab.start("view", str(lab.run_folder())) as view:
        page = open_page(find_address(view)).page
        assert "<script>document" in page.inner_text("#latest")
        assert "\u202e" not in page.inner_text("#latest")
        assert page.title().endswith("afcost view")
        view.send_signal(signal.SIGINT)


def test_a_page_whose_server_has_ended_says_so(lab, open_page):
    lab.afcost("run", "plan.json")
    with lab.start("view", str(lab.run_folder())) as view:
        page = open_page(find_address(view)).page
        wait_for(page, "() => !document.getElementById('live').dataset.none")
        page.wait_for_timeout(300)
        view.send_signal(signal.SIGINT)
        view.wait(30)
    wait_for(page, "() => document.getElementById('link').textContent.includes('has ended')")
