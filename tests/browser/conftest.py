"""What tests in a browser share: Chromium, a watched page, and a study that was run.

They are skipped, with a reason, where playwright or Chromium is missing; where
AFCOST_NEEDS_BROWSER is set, that is an error.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.sample_study import make_study

QUERIES = 16  # of the studies that pages are made of


def _miss(what: str) -> NoReturn:
    if os.environ.get("AFCOST_NEEDS_BROWSER"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session", autouse=True)  # before any study is run
def chromium() -> str:
    """Return where Chromium is."""
    if importlib.util.find_spec("playwright") is None:
        _miss("no playwright: pip install 'afcost[browser]'")
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if found is None:
        _miss("no Chromium: install it, or say where it is in CHROMIUM")
    return found


@pytest.fixture(scope="module")  # while it is open, playwright's event loop runs in this thread
def browser(chromium: str) -> Iterator[Any]:
    """Return a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages; the test fails where one says an error, leaves the file, or opens another."""
    from tests.browser.watched_page import open_watched

    opened: list[Any] = []

    def open_one(where: Path | str, **options: Any) -> Any:
        opened.append(open_watched(browser, where, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.page.context.close()
    assert not [problem for each in opened for problem in each.problems]


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a complete run."""
    title = "Do models comply more often when they are told that it trains them?"
    return make_study(tmp_path_factory.mktemp("full"), queries=QUERIES, title=title)


@pytest.fixture(scope="session")
def partial_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that its cap stopped."""
    return make_study(tmp_path_factory.mktemp("partial"), queries=QUERIES, cap="0.3", ends=4)
