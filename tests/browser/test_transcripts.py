"""The transcripts of a page in a browser: hostile texts, filters, links, keyboard, history."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from pathlib import Path

import pytest

from afcost.cli import run_cli
from afcost.page.transcripts.links import link_answer, link_answers
from experiment.prompts import Request
from experiment.scoring import Completion
from runner.results.reading import open_transcripts
from runner.run_folder import open_run_folder
from tests.support.written_run import MODELS, write_run

# What of these runs sets `hit`, opens a dialog, asks for an address, or changes the page's looks.
HOSTILE = [
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    '<img src="x" onerror="window.hit = 1">',
    "<svg onload=window.hit=1><script>window.hit=1</script></svg>",
    '"><iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
    "<!-- <script> --!><script>window.hit = 1</script>",
    "]]></script><![CDATA[<script>window.hit = 1</script>",
    "<a href='javascript:window.hit=1'>click</a> javascript:window.hit=1",
    "<body onpageshow=window.hit=1>",
    "<details open ontoggle=window.hit=1>x</details>",
    "<style>* { display: none !important }</style>",
    "</style><style>main { background: url(https://example.org/leak) }</style>",
    '<link rel="stylesheet" href="https://example.org/leak.css">',
    '<meta http-equiv="refresh" content="0;url=https://example.org/">',
    '<base href="https://example.org/">',
    '<form action="https://example.org/"><input autofocus onfocus=window.hit=1></form>',
    "{{ 7 * 7 }} {% for x in y %} ${window.hit=1} <%= 1 %> [[constructor]]",
    '{"__proto__": {"hit": 1}, "constructor": 1}',
    "\\u003cscript\\u003ewindow.hit = 1\\u003c/script\\u003e",
    "&lt;script&gt;window.hit = 1&lt;/script&gt; &#x0;",
    "right to left: \u202eabc\u202c \u2066def\u2069 \u05d0\u05d1",
    "NUL \x00 and escape \x1b[31m and backspace \x08",
    "zero width: a\u200bb\u200cc\u200dd\ufeffe\u00adf \U000e0041\U000e0042 tags",
    "line\u2028paragraph\u2029ends \x85 \r alone",
    "combining: Z\u0334\u0321\u0322" + "\u0335" * 200,
    "emoji \U0001f469\u200d\U0001f4bb and Persian \u0646\u0645\u06cc\u200c\u062e\u0648",
    "x" * 1_000_000,
    "= 1 + cmd|' /C calc'!A0",
    "'; alert(1); '",
    "-->\n\n\n<plaintext>",
]
SEEN = (0x202E, 0x202C, 0x2066, 0, 0x1B, 8, 0x200B, 0xFEFF, 0xAD, 0xE0041, 0x2028, 0x85, 0xD)
READ_TEXTS = """(box) => {
  const copy = box.cloneNode(true);
  for (const mark of copy.querySelectorAll(".ctl"))
    mark.replaceWith(String.fromCodePoint(parseInt(mark.textContent.slice(2), 16)));
  copy.querySelector("button")?.remove();
  return copy.textContent;
}"""

COUNT = re.compile(r"(\d+)(?:/\d+)?$")  # `12`, or `12/60`
LINKED_COUNTS = """async () => {
  const texts = document.getElementById("transcripts-index").textContent;
  const index = new AnswerIndex(JSON.parse(await inflate(texts)));
  return [...document.querySelectorAll("a[href^='#find?']")].map((link) => {
    const filter = new URLSearchParams(link.hash.slice(6));
    return [link.textContent, link.hash, filterAnswers(index, filter).length];
  });
}"""


def _write_page(run: Path, *options: str) -> Path:
    page = run.parent / "report.html"
    assert run_cli(["report", str(run), "--html", str(page), *options]) == 0
    return page


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory) -> Path:
    """Return a page with 30 hostile answers, to queries that are as hostile."""
    said = dict(enumerate(HOSTILE))

    def say(request: Request) -> Completion:
        text = said[request.query * 2 + (request.condition == "paid")]
        return Completion(
            f"<SCRATCHPAD_REASONING>{text}</SCRATCHPAD_REASONING><OUTPUT>{text}</OUTPUT>",
            reasoning=text[:500],
            reasoning_form="native",
        )

    run = write_run(
        tmp_path_factory.mktemp("hostile"),
        say,
        queries=[f"{number} {text[:300]}" for number, text in enumerate(HOSTILE[:15])],
        models=MODELS[:1],
    )
    return _write_page(run)


@pytest.fixture(scope="module")
def page(full_run, tmp_path_factory) -> Path:
    """Return the page of a study with three models, four conditions and two judges."""
    target = tmp_path_factory.mktemp("page") / "report.html"
    assert run_cli(["report", str(full_run), "--html", str(target)]) == 0
    return target


@pytest.fixture(scope="module")
def answers(full_run) -> list[dict]:
    """Return all transcripts of the same study, as `afcost show` gives them."""
    with open_transcripts(open_run_folder(full_run)) as reader:
        return [
            each.to_json() | {"said": [judge.label for judge in each.judges]}
            for each in reader.read(reader.list_attempts())
        ]


def _open(open_page, page: Path, link: str, **options):
    opened = open_page(f"{page.as_uri()}{link}", **options).page
    opened.locator("#found", has_text="answers").wait_for()
    return opened


def _wait(opened, script: str, wanted: object) -> None:
    """Wait until a script gives what is wanted; the page's policy lets playwright not do that."""
    until = time.monotonic() + 30
    while (found := opened.evaluate(script)) != wanted:
        assert time.monotonic() < until, f"{script} is {found!r}, not {wanted!r}"
        time.sleep(0.05)


def _wait_found(opened, count: int, of: int) -> None:
    text = f"{count:,} of {of:,} answers"
    _wait(opened, "document.getElementById('found').textContent", text)


def _wait_open(opened, start: str) -> None:
    script = f"document.getElementById('said').textContent.slice(0, {len(start)})"
    _wait(opened, script, start)


def test_nothing_in_thirty_hostile_answers_runs_and_all_show_as_text(hostile_page, open_page):
    opened = _open(open_page, hostile_page, "")
    _wait_found(opened, 30, 30)
    opened.locator("#list a").first.click()
    marks: set[int] = set()
    for number, text in enumerate(HOSTILE):
        _wait_open(opened, f"Query {number // 2}: ")
        name = f"{MODELS[0]}, {'paid' if number % 2 else 'free'}"
        pane = opened.locator(f"article[aria-label={json.dumps(name)}]").first
        for box in pane.locator(".text").all()[:3]:
            shown = box.evaluate(READ_TEXTS)
            assert shown == text[: len(shown)]
            assert len(shown) >= min(len(text), 500)
        marks |= set(pane.locator(".ctl").all_text_contents())
        if number % 2 and number < len(HOSTILE) - 1:
            opened.locator("#after").click()
            opened.locator("#after").click()
    assert marks >= {f"U+{each:04X}" for each in SEEN}
    assert opened.evaluate("window.hit") is None
    assert opened.evaluate("({}).hit") is None
    assert (
        opened.evaluate("document.querySelectorAll('main script:not([type]), main img').length")
        == 0
    )
    assert opened.locator("#pair").is_visible()


def test_joiners_stand_where_words_and_emoji_need_them(hostile_page, open_page):
    opened = _open(open_page, hostile_page, "")
    shown = "(text) => { const node = document.createElement('p'); fillText(node, text);"
    shown += " return node.textContent; }"
    woman = "\U0001f469\u200d\U0001f4bb"
    assert opened.evaluate(shown, woman) == woman
    assert opened.evaluate(shown, "a\u200db") == "aU+200Db"
    assert opened.evaluate(
        "fillText(document.createElement('p'), 'a\\ud800b\\udc00').textContent"
    ) == ("aU+D800bU+DC00")


def test_a_line_of_a_megabyte_does_not_freeze_the_page(hostile_page, open_page):
    number = next(at for at, text in enumerate(HOSTILE) if len(text) > 100_000)
    opened = _open(open_page, hostile_page, link_answers(query=number // 2))
    _wait_found(opened, 2, 30)
    box = opened.locator("#pair .text", has_text="Show all 1,000,000 characters").first
    assert len(box.text_content()) < 20_100
    box.get_by_role("button").click()
    longest = opened.evaluate(
        """() => new Promise((resolve) => {
          let [last, longest, seen] = [performance.now(), 0, 0];
          const step = (now) => {
            longest = Math.max(longest, now - last);
            last = now;
            seen += 1;
            if (seen < 70) requestAnimationFrame(step);
            else resolve(longest);
          };
          requestAnimationFrame(step);
        })"""
    )
    assert longest < 2_000  # milliseconds between two frames, on a busy machine
    lengths = "[...document.querySelectorAll('#pair .text')].map((each) => each.textContent.length)"
    _wait(opened, f"Math.max(...{lengths})", len(HOSTILE[number]))


CASES = [
    ({"model": "large"}, lambda x: x["model"] == "lab/large"),
    ({"condition": "free/cot"}, lambda x: x["condition"] == "free/cot"),
    ({"levels": {"tier": "paid"}}, lambda x: x["levels"]["tier"] == "paid"),
    (
        {"levels": {"tier": "free", "reasoning": "cot"}, "model": ["lab/large", "lab/small"]},
        lambda x: x["condition"] == "free/cot" and x["model"] != "lab/middle",
    ),
    ({"query": 3}, lambda x: x["query"] == 3),
    ({"kind": ["truncated", "refused"]}, lambda x: x["kind"] in {"truncated", "refused"}),
    ({"proxy": "accepted"}, lambda x: x["proxy"] == "accepted"),
    (
        {"labels": {"compliance": "complied", "second": "refused"}},
        lambda x: _label(x, 0) == "complied" and _label(x, 1) == "refused",
    ),
    ({"labels": {"compliance": "negative"}}, lambda x: _label(x, 0) == "complied"),
    (
        {"differ": ("compliance", "second")},
        lambda x: x["kind"] == "text" and {_label(x, 0), _label(x, 1)} == {"complied", "refused"},
    ),
    (
        {"differ": "proxy"},
        lambda x: (
            x["kind"] == "text"
            and (x["proxy"], _label(x, 0)) in {("accepted", "refused"), ("rejected", "complied")}
        ),
    ),
    ({"model": "no such model"}, lambda _: False),
]


def _label(answer: dict, judge: int) -> str:
    return answer["said"][judge]


def test_a_link_finds_what_show_finds(page, answers, open_page):
    opened = _open(open_page, page, "")
    for filters, takes in CASES:
        opened.evaluate("(hash) => { location.hash = hash; }", link_answers(**filters))
        count = sum(map(takes, answers))
        _wait_found(opened, count, len(answers))
        assert opened.locator("#list a").count() == min(count, 100)
    assert sum(map(CASES[-2][1], answers)) > 0


def test_filters_are_set_by_hand_and_go_into_the_address(page, answers, open_page):
    opened = _open(open_page, page, "")
    opened.select_option("select[name=model]", "lab/small")
    opened.select_option("select[name=condition] >> nth=0", "tier=free")
    wanted = [x for x in answers if x["model"] == "lab/small" and x["levels"]["tier"] == "free"]
    _wait_found(opened, len(wanted), len(answers))
    assert opened.evaluate("location.hash") == "#find?model=lab%2Fsmall&condition=tier%3Dfree"
    opened.go_back()
    _wait_found(opened, sum(x["model"] == "lab/small" for x in answers), len(answers))
    assert opened.locator("select[name=condition]").first.input_value() == ""
    opened.go_back()
    _wait_found(opened, len(answers), len(answers))
    opened.go_forward()
    opened.go_forward()
    _wait_found(opened, len(wanted), len(answers))
    opened.get_by_role("button", name="Clear").click()
    _wait_found(opened, len(answers), len(answers))


def test_a_search_looks_at_the_query_and_at_all_that_the_model_wrote(page, answers, open_page):
    opened = _open(open_page, page, "")
    for word in ("RESTAURANT", "rejected/>", "no such words at all"):
        opened.fill("input[name=text]", word)
        found = [
            x
            for x in answers
            if any(
                word.lower() in text.lower()
                for text in (x["query_text"], x["output"], *(y["text"] for y in x["thoughts"]))
            )
        ]
        _wait_found(opened, len(found), len(answers))


def test_one_answer_opens_with_its_counterpart_beside_it(page, answers, open_page):
    one = next(x for x in answers if x["kind"] == "text" and x["condition"] == "free/cot")
    opened = _open(open_page, page, link_answer(one["request"]))
    _wait_open(
        opened, f"Query {one['query']}: {one['model']}, free/cot, beside {one['model']}, paid/cot"
    )
    panes = opened.locator("#pair article")
    other = next(
        x
        for x in answers
        if (x["model"], x["query"], x["condition"]) == (one["model"], one["query"], "paid/cot")
    )
    for pane, answer in zip(panes.all(), (one, other), strict=True):
        assert pane.locator(".text", has_text=answer["output"][:40]).count() or not answer["output"]
        pane.get_by_text("Prompt", exact=True).click()
        pane.get_by_role("group", name="system").wait_for()
        for message in answer["messages"]:
            shown = pane.get_by_role("group", name=message["role"]).last.evaluate(READ_TEXTS)
            assert shown == message["content"][: len(shown)] != ""
    listed, shown, beside = (
        opened.locator(each).first.bounding_box()
        for each in ("#list", "#pair article", "#pair article + article")
    )
    assert listed["x"] + listed["width"] <= shown["x"]  # three columns beside each other
    assert shown["x"] + shown["width"] <= beside["x"]
    assert shown["y"] == beside["y"]
    choice = opened.get_by_label("answer beside it")
    choice.select_option(label=f"{one['model']}, free/no-cot")
    _wait_open(
        opened, f"Query {one['query']}: {one['model']}, free/cot, beside {one['model']}, free/no"
    )


def test_an_answer_that_the_page_does_not_have_is_said(page, open_page):
    opened = _open(open_page, page, "#answer-none%3Cb%3E")
    _wait_open(opened, "No answer none<b>: this run has no such answer")


def test_all_of_it_works_by_keyboard(page, answers, open_page):
    opened = _open(open_page, page, "")
    opened.locator("#list a").first.focus()
    keys = opened.keyboard
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    _wait(opened, "document.activeElement.id", "which")
    _wait_open(opened, "Query 0: ")
    third = opened.evaluate("location.hash")
    keys.press("Escape")
    assert opened.evaluate("document.activeElement.hash") == third
    keys.press("End")
    keys.press("ArrowDown")  # from the last one on to the next page
    label = opened.locator("#list").get_attribute("aria-label")
    assert label == f"Answers found, 101 to {min(200, len(answers))}"
    assert opened.evaluate("document.activeElement.matches('#list a')")
    keys.press("ArrowUp")
    assert opened.locator("#list").get_attribute("aria-label") == "Answers found, 1 to 100"
    keys.press("Enter")
    _wait(opened, "document.activeElement.id", "which")
    opened.go_back()
    _wait(opened, "location.hash", third)
    _wait_open(opened, "Query 0: ")


def test_a_page_without_transcripts_has_no_section_and_one_without_scripts_says_so(
    full_run, tmp_path, browser, page
):
    target = tmp_path / "none.html"
    options = ["--html", str(target), "--transcripts", "none"]
    assert run_cli(["report", str(full_run), *options]) == 0
    text = target.read_text()
    assert "#find?" not in text
    assert 'id="transcripts"' not in text
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(page.as_uri())
    assert "needs JavaScript" in opened.locator("#transcripts").inner_text()
    assert not opened.locator("#filters").is_visible()
    context.close()


@pytest.fixture(scope="module")
def with_folder(tmp_path_factory) -> Path:
    """Return a page whose texts are in a folder."""
    run = write_run(
        tmp_path_factory.mktemp("large"),
        lambda request: Completion(f"<OUTPUT>{_make_noise(request)}</OUTPUT>"),
        queries=["one", "two", "three"],
    )
    page = _write_page(run, "--transcripts", "all")
    assert (page.parent / "report_texts").is_dir()
    return page


def _make_noise(request: Request) -> str:
    dice = random.Random(request.id)
    noise = dice.randbytes(400_000).hex()
    return f"answer {request.query} {request.condition} {noise} end {request.query}"


def test_texts_in_a_folder_are_read_from_disk(with_folder, open_page):
    opened = _open(open_page, with_folder, "#transcripts")
    _wait_open(opened, "Query 0: ")
    assert opened.locator("#pair .text").first.inner_text().startswith("answer 0 free")
    opened.fill("input[name=text]", "END 2")
    _wait_found(opened, 4, 12)
    assert opened.locator("iframe").count() == 0


def test_a_page_that_was_moved_without_its_folder_says_so(with_folder, tmp_path, browser):
    moved = shutil.copy(with_folder, tmp_path / "report.html")
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{Path(moved).as_uri()}#transcripts")
    opened.get_by_text("the folder “report_texts” must stand beside this page").first.wait_for()
    shutil.copytree(with_folder.parent / "report_texts", tmp_path / "report_texts")
    for block in (tmp_path / "report_texts").glob("answers-*.html"):
        block.write_text(re.sub(r'id="texts">', 'id="texts">QUJD', block.read_text()))
    opened.reload()
    opened.get_by_text("has other texts than this page was made with").first.wait_for()
    context.close()


def test_a_count_that_is_a_link_leads_to_as_many_answers(page, open_page):
    links = _open(open_page, page, "").evaluate(LINKED_COUNTS)
    counts = [
        (int(found[1]), at, count) for text, at, count in links if (found := COUNT.match(text))
    ]
    assert len(counts) > 20
    assert [each for each in counts if each[0] != each[2]] == []
