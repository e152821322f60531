"""The pages of an estimate and of a design as a browser shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afcost.cli import run_cli
from tests.browser.watched_page import READ_BACK, RULES, SHAPES

COMMANDS = {
    "estimate": ("estimate", "-m", "llama-3.1-70b", "-m", "gpt-4.1"),
    "design": ("design", "-m", "llama-3.1-70b", "-m", "gpt-4.1", "--budget", "50"),
    "gap": ("design", "-m", "llama-3.1-8b", "--mde", "0.1"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def page(request, tmp_path_factory) -> tuple[Path, dict]:
    """Return a page, and what programs read of the same estimate or design."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("click.echo", lambda text="", **_: told.append(text))
        assert run_cli([*COMMANDS[request.param], "--html", str(path), "--format", "json"]) == 0
    return path, json.loads(told[0])


def test_every_figure_is_the_one_that_programs_read(page, open_page):
    found = open_page(page[0]).page.evaluate(READ_BACK)
    assert found["report"] == page[1]
    assert found["count"] > 30
    assert found["wrong"] == []


@pytest.mark.parametrize(("width", "scheme"), SHAPES)
def test_no_text_is_cut_and_all_can_be_read(page, open_page, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    watched = open_page(page[0], width=width, scheme=scheme, bypass_csp=True)
    assert watched.find_cut_texts() == []
    found = axe.run(watched.page, options={"runOnly": RULES}).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"][:3]]) for each in found] == []
