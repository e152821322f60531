"""The report's page as a browser shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afcost.cli import run_cli
from tests.browser.watched_page import READ_BACK, RULES, SHAPES


@pytest.fixture(scope="module", params=["full", "partial"])
def page(request, tmp_path_factory) -> tuple[Path, dict]:
    """Return a report's page, and what programs read of the same run."""
    run = request.getfixturevalue(f"{request.param}_run")
    folder = tmp_path_factory.mktemp("page")
    assert run_cli(["report", str(run), "--html", str(folder / "report.html")]) == 0
    as_json = ["report", str(run), "--format", "json", "-o", str(folder / "report.json")]
    assert run_cli(as_json) == 0
    return folder / "report.html", json.loads((folder / "report.json").read_text())


def test_every_figure_is_the_one_that_programs_read(page, open_page):
    found = open_page(page[0]).page.evaluate(READ_BACK)
    assert found["report"] == page[1]
    assert found["count"] > 50
    assert found["wrong"] == []


@pytest.mark.parametrize(("width", "scheme"), SHAPES)
def test_no_text_is_cut(page, open_page, width, scheme):
    assert open_page(page[0], width=width, scheme=scheme).find_cut_texts() == []


@pytest.mark.parametrize(("width", "scheme"), SHAPES)
def test_contrast_names_and_structure_are_as_people_need_them(page, open_page, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    watched = open_page(page[0], width=width, scheme=scheme, bypass_csp=True)
    watched.page.evaluate("() => document.querySelectorAll('details').forEach(e => e.open = true)")
    found = axe.run(watched.page, options={"runOnly": RULES}).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"][:3]]) for each in found] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_all_controls_are_reached_by_keyboard(page, open_page, width):
    watched = open_page(page[0], width=width)
    assert len(watched.list_tab_stops()) > 5
    assert watched.list_unreached() == []


def test_it_prints_whole(page, open_page, tmp_path):
    watched = open_page(page[0])
    watched.page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    watched.page.emulate_media(media="print")
    assert watched.page.evaluate(
        "() => { dispatchEvent(new Event('beforeprint'));"
        " return [...document.querySelectorAll('details')].every(each => each.open); }"
    )


def test_without_scripts_all_but_the_transcripts_is_there(page, browser):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(page[0].as_uri())
    spent = float(page[1]["spent_usd"])
    assert f"${spent:.2f}" in opened.inner_text("main")
    context.close()


def test_a_count_leads_to_as_many_answers(page, open_page):
    watched = open_page(page[0])
    wrong = watched.page.evaluate("""async () => {
      const links = [...document.querySelectorAll('a[href^="#find"]')]
        .filter((each) => /^[0-9,/]+$/.test(each.textContent));
      const wrong = links.length > 20 ? [] : [`only ${links.length} links`];
      for (const each of links) {
        const changed = new Promise((done) => addEventListener("hashchange", done, {once: true}));
        location.hash = each.getAttribute("href");
        await changed;
        await new Promise((done) => setTimeout(done));
        const found = document.getElementById("found").textContent.split(" ")[0];
        if (found !== each.textContent.split("/")[0]) wrong.push(`${each.href}: ${found}`);
      }
      return wrong;
    }""")
    assert wrong == []
