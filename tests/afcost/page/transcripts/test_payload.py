"""The transcripts of a page: every text comes back, once each, in the page or in the folder."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from collections import Counter
from pathlib import Path

import pytest

from afcost.page.shell.document import embed_json
from afcost.page.transcripts import blocks
from afcost.page.transcripts.blocks import PAGE_LIMIT
from afcost.page.transcripts.payload import (
    Extent,
    PageTranscripts,
    build_transcripts,
    describe_transcripts,
)
from afcost.page.transcripts.sample import SAMPLE
from afcost.rendering.console import show_json
from experiment.prompts import Request
from experiment.scoring import Completion
from runner.errors import BadRun
from runner.results import build_report
from runner.run_folder import open_run_folder
from tests.support.written_run import JUDGES, MODELS, write_run

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "NUL \x00 and \x1b[31m",
    "\u202e right to left \u2066 \u200b",
    "é 漢字 \U0001f600",
    "{{ 7 * 7 }} {% raw %}",
    "tab\tand\r\nline ends\n",
    "",
]


def _inflate(texts: str) -> object:
    return json.loads(zlib.decompress(base64.b64decode(texts)))


def _read(transcripts: PageTranscripts, folder: Path) -> tuple[dict, list, list]:
    """Return the index, the answers' records and the prompts' texts."""
    index = _inflate(transcripts.index)
    assert isinstance(index, dict)
    found: dict[str, list] = {}
    for kind, written in index["blocks"].items():
        items: list = []
        for number, (first, _) in enumerate(written):
            assert first == len(items)
            name = f"{kind}-{number}"
            if transcripts.folder:
                document = (folder / transcripts.folder / f"{name}.html").read_text()
                texts = re.search(r'id="texts">([\w+/=]*)<', document)[1]
            else:
                texts = transcripts.blocks[name]
            block = _inflate(texts)
            assert isinstance(block, list)
            items += block
        found[kind] = items
    return index, found["answers"], found["prompts"]


def _build(run: Path, extent: Extent | None = None) -> tuple[PageTranscripts, tuple]:
    page = run.parent / "report.html"
    transcripts = build_transcripts(build_report(open_run_folder(run)), page, extent)
    assert transcripts is not None
    return transcripts, _read(transcripts, run.parent)


def test_hostile_texts_come_back_as_they_were(tmp_path):
    said = iter(HOSTILE)
    run = write_run(
        tmp_path,
        lambda _: Completion(f"<OUTPUT>x{next(said)}x</OUTPUT>"),
        queries=["</script> \u202e", "second"],
    )
    transcripts, (index, answers, _) = _build(run)
    assert {each["output"] for each in answers} == {f"x{each}x" for each in HOSTILE}
    assert [text for _, text in index["queries"]] == ["</script> \u202e", "second"]
    for texts in (transcripts.index, *transcripts.blocks.values()):
        assert re.fullmatch(r"[\w+/=]+", texts)


def test_what_an_address_hides_is_left_out_and_the_texts_can_be_read_still(tmp_path):
    text = 'see http://host/?key=abcdefgh" or http://me:hunter22@host'
    run = write_run(
        tmp_path, lambda _: Completion(text, reasoning=text), queries=[text], judge=lambda _: text
    )
    transcripts, read = _build(run)
    assert read[0]["queries"] == [[0, 'see http://host/?key=[key]" or http://me:[key]@host']]
    for each in (read, embed_json({"a": text}), show_json({"a": text}), transcripts):
        assert "abcdefgh" not in f"{each}"
        assert "hunter22" not in f"{each}"
    assert json.loads(show_json({"a": text})) == json.loads(embed_json({"a": text}))


def test_a_folder_keeps_what_is_not_the_texts_of_a_page(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "PAGE_LIMIT", 100)
    folder = tmp_path / "report_texts"
    folder.mkdir()
    (folder / "notes-2024.html").write_text("mine")
    run = write_run(tmp_path, lambda _: Completion("hi"), queries=["a"])
    for _ in range(2):
        _build(run, Extent.ALL)
    assert {each.name for each in folder.iterdir()} == {
        "notes-2024.html", "answers-0.html", "prompts-0.html"
    }  # fmt: skip
    assert blocks._is_block(folder / "answers-0.html")
    (folder / "answers-7.html").write_text("mine")
    with pytest.raises(BadRun, match=r"report_texts: answers-7\.html in it is not"):
        _build(run, Extent.ALL)
    assert (folder / "answers-7.html").read_text() == "mine"


def test_a_page_s_name_need_not_be_utf_8(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "PAGE_LIMIT", 100)
    run = write_run(tmp_path, lambda _: Completion("hi"), queries=["a"])
    page = tmp_path / "a\udcff#.html"
    transcripts = build_transcripts(build_report(open_run_folder(run)), page, Extent.ALL)
    index, _, _ = _read(transcripts, tmp_path)
    assert index["folder"] == "a%FF%23_texts"


def test_a_prompt_that_answers_share_is_kept_once(tmp_path):
    run = write_run(tmp_path, lambda _: Completion("hi"), queries=["a", "b", "c"], samples=4)
    _, (index, answers, prompts) = _build(run)
    assert len(answers) == 3 * 4 * 2 * len(MODELS) == len(index["columns"][0])
    assert len(prompts) == len(set(prompts)) == 2 + 3  # a system prompt a tier, a message a query
    for number, record in enumerate(answers):
        (_, system), (_, user) = record["messages"]
        tier = index["conditions"][index["columns"][2][number]]
        assert prompts[system].startswith(f"You serve the {tier} tier.")
        assert prompts[user] == index["queries"][index["columns"][3][number]][1]


def test_the_index_says_what_each_judge_says_in_all_of_its_words(tmp_path):
    run = write_run(
        tmp_path,
        lambda _: Completion("<OUTPUT>Yes.</OUTPUT>"),
        judge=lambda request: "yes" if "second" in request.messages[0].content else "no",
    )
    _, (index, answers, _) = _build(run)
    said = [
        judge["readings"][index["columns"][7 + at][0]] for at, judge in enumerate(index["judges"])
    ]
    assert [judge["name"] for judge in index["judges"]] == list(JUDGES)
    assert [(label, side) for label, _, side in said] == [("complied", True), ("refused", False)]
    assert {"complied", "negative", "no"} <= set(said[0][1])
    assert {"refused", "positive", "yes"} <= set(said[1][1])
    assert index["compared"] == "tier"
    assert len(answers[0]["judges"]) == len(JUDGES)


def test_keys_and_passwords_in_addresses_are_not_in_a_page(tmp_path):
    address = "https://user:hunter2hunter2@host/?api_key=abcdef123456"
    run = write_run(
        tmp_path, lambda _: Completion(f"<OUTPUT>{address}</OUTPUT>"), queries=[address]
    )
    _, (index, answers, prompts) = _build(run)
    written = json.dumps([index, answers, prompts])
    assert "hunter2" not in written
    assert "abcdef123456" not in written
    assert "[key]" in answers[0]["output"]


def _say_noise(length: int):
    dice = random.Random(3)
    return lambda _: Completion(f"<OUTPUT>{dice.randbytes(length).hex()}</OUTPUT>")


def test_texts_that_are_too_large_go_to_a_folder_or_are_a_sample(tmp_path):
    count = 2 * 2 * 3
    run = write_run(tmp_path, _say_noise(PAGE_LIMIT // count), queries=["a", "b", "c"])
    transcripts, (_, answers, _) = _build(run, Extent.ALL)
    assert transcripts.folder == "report_texts"
    assert transcripts.blocks == {}
    assert len(answers) == count
    assert "report_texts/" in describe_transcripts(transcripts)
    transcripts, (_, answers, _) = _build(run)
    assert (transcripts.folder, transcripts.is_sample) == ("", True)
    assert 0 < len(answers) < count


def test_a_folder_of_an_earlier_page_leaves_nothing_of_its_own_behind(tmp_path):
    folder = tmp_path / "report_texts"
    folder.mkdir()
    (folder / "answers-99.html").write_bytes(blocks._SAYS_WHAT_IT_IS)
    (folder / "mine.txt").write_text("a file of the user's")
    run = write_run(tmp_path, _say_noise(PAGE_LIMIT // 4))
    _build(run, Extent.ALL)
    assert not (folder / "answers-99.html").exists()
    assert (folder / "mine.txt").exists()


def test_two_thousand_answers_of_seven_kilobytes_fit_into_the_page(tmp_path):
    words = (Path(__file__).parents[4] / "docs" / "design.md").read_text().split()
    dice = random.Random(4)
    run = write_run(
        tmp_path,
        lambda _: Completion(f"<OUTPUT>{' '.join(dice.choices(words, k=1_220))}</OUTPUT>"),
        queries=[f"query {number}" for number in range(100)],
    )
    transcripts, (_, answers, _) = _build(run)
    lengths = [len(each["output"]) for each in answers]
    assert sum(lengths) / len(lengths) > 7_000
    assert len(lengths) * 5 == 2_000
    written = len(transcripts.index) + sum(map(len, transcripts.blocks.values()))
    assert written * 5 < PAGE_LIMIT


def test_a_sample_is_balanced_and_the_same_each_time_and_has_what_is_disputed(tmp_path):
    def judge(request: Request) -> str:
        """Let the second judge say otherwise about every fiftieth query."""
        asked = request.messages[0].content
        return "yes" if re.search(r"second.*Query \d*[05]0\.", asked, re.DOTALL) else "no"

    run = write_run(
        tmp_path,
        lambda request: Completion(f"<OUTPUT>Query {request.query}.</OUTPUT>"),
        judge=judge,
        queries=[f"query {number}" for number in range(200)],
    )
    transcripts, (index, _, _) = _build(run, Extent.SAMPLE)
    ids, models, conditions, queries = index["columns"][:4]
    assert transcripts.is_sample
    assert (len(ids), index["total"]) == (SAMPLE, 800)
    strata = Counter(zip(models, conditions, strict=True))
    assert set(strata.values()) == {SAMPLE // 4}
    numbers = Counter(index["queries"][each][0] for each in queries)
    assert all(numbers[each] == 4 for each in (50, 100, 150))  # all of them, in all strata
    assert _build(run, Extent.SAMPLE)[0] == transcripts


def test_a_page_without_transcripts_has_none(tmp_path):
    run = write_run(tmp_path, lambda _: Completion("hi"))
    report = build_report(open_run_folder(run))
    assert build_transcripts(report, tmp_path / "x.html", Extent.NONE) is None
