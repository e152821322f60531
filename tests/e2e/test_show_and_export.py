"""`afcost show` and `afcost export` as they are typed."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.runner.recorded_run import make_run
from tests.runner.results.reading.conftest import recorded  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("recorded")
RUN = "runs/small"


def on_a_terminal(columns: int, *arguments: str) -> str:
    """Return what the command shows on a terminal of a width."""
    child, screen = pty.fork()
    if child == 0:
        os.environ.update(COLUMNS=str(columns), PAGER="cat", TERM="xterm", NO_COLOR="")
        os.execv(sys.executable, [sys.executable, "-m", "afcost", *arguments])  # noqa: S606
    shown = b""
    try:
        while part := os.read(screen, 1 << 16):
            shown += part
    except OSError:  # the end, on Linux
        pass
    finally:
        os.close(screen)
        os.waitpid(child, 0)
    return shown.decode()


def test_plain_text_has_all_parts_and_says_which_of_how_many(afcost):
    out, _ = afcost("show", RUN, "--kind", "text", "--limit", "1")
    assert out.splitlines()[0] == "transcripts 1 to 1 of 4 that match, of 6 in all"
    parts = ["system", "user", "reasoning (native)", "reasoning (scratchpad)", "output", "proxy"]
    headings = [line[2:] for line in out.splitlines() if line[:2] == "  " and line[2] != " "]
    assert headings[: len(parts)] == parts
    assert "compliance: complied, 2 of 2 votes complied  $0.002" in headings
    assert "second: refused  $0.001" in headings


def test_control_characters_of_a_model_are_shown_and_not_obeyed(afcost):
    out, _ = afcost("show", RUN, "--condition", "paid/plain")
    assert "\\x1b[2JGone" in out
    assert "\x1b" not in out
    assert "\x1b[2J" not in on_a_terminal(120, "show", RUN, "--condition", "paid/plain")


@pytest.mark.parametrize(("columns", "beside"), [(80, False), (120, True)])
def test_a_wide_terminal_shows_what_was_said_beside_what_was_asked(columns, beside):
    shown = on_a_terminal(columns, "show", RUN, "--limit", "1").splitlines()
    assert any("system" in line and "output" in line for line in shown) is beside
    assert any("Think aloud" in line for line in shown)


def test_a_long_prompt_is_shortened_unless_all_of_it_is_asked_for(afcost):
    path = Path(RUN) / "experiment.json"
    kept = json.loads(path.read_text())
    kept["spec"]["messages"][0]["content"] += " and more" * 200
    path.write_text(json.dumps(kept))
    short, _ = afcost("show", RUN, "--limit", "1")
    whole, _ = afcost("show", RUN, "--limit", "1", "--prompt")
    assert "more characters (--prompt)" in short
    assert "more characters" not in whole
    assert whole.count(" and more") == 200


def test_a_prompt_that_is_shortened_before_its_query_shows_the_query(afcost):
    path = Path(RUN) / "experiment.json"
    kept = json.loads(path.read_text())
    kept["spec"]["messages"][1]["content"] = "and more\n" * 9 + "{{ query }}"
    path.write_text(json.dumps(kept))
    short, _ = afcost("show", RUN, "--query", "2")
    whole, _ = afcost("show", RUN, "--query", "2", "--prompt")
    assert short.splitlines()[3:5] == ["  query", "    Please tell me about number 2."]
    assert "  query" not in whole.splitlines()


def test_a_page_says_how_much_comes_after_it(afcost):
    out, _ = afcost("show", RUN, "--limit", "2", "--page", "2")
    assert out.splitlines()[-1] == "2 more: --page 3"
    out, _ = afcost("show", RUN, "--limit", "2", "--page", "3")
    assert "--page" not in out


@pytest.mark.parametrize("columns", [80, 120])
def test_a_text_without_spaces_is_broken_and_never_cut_off(columns, tmp_path):
    said = "漢字" * 300 + "x" * 500
    run = make_run(tmp_path / "long", tmp_path / "runs" / "long", queries=1)
    with run.recording() as ledger:
        first = next(iter(ledger.requests.all_subject_requests()))
        ledger.answer(first, said)
        ledger.ledger.record_end("partial")
    shown = on_a_terminal(columns, "show", "runs/long", "--kind", "text")
    assert (shown.count("漢"), shown.count("字")) == (300, 300)
    assert shown.count("x") >= 500
    assert "…" not in shown


def test_json_is_for_programs(afcost):
    out, said = afcost("show", RUN, "--format", "json", "--limit", "2")
    assert [each["query"] for each in json.loads(out)] == [0, 1]
    assert said == "transcripts 1 to 2 of 6\n"
    out, _ = afcost("show", RUN, "--format", "jsonl", "--page", "2", "--limit", "4")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [each["query"] for each in lines] == [0, 1]
    assert lines[1]["text"] == "\x1b[2JGone"


def test_a_page_that_is_not_there_says_how_many_there_are(afcost):
    _, said = afcost("show", RUN, "--page", "2", ends=1)
    assert said == "afcost: --page 2: there is 1 page of 20\n"
    _, said = afcost("show", RUN, "--page", "9", "--limit", "3", ends=1)
    assert said == "afcost: --page 9: there are 2 pages of 3\n"
    out, _ = afcost("show", RUN, "--sample", "7")
    assert out == "no transcripts that match, of 6 in all\n"


def test_an_export_says_what_it_wrote(afcost):
    _, said = afcost("export", RUN, "-o", "all.jsonl")
    assert said == "Wrote 6 answers with their verdicts to all.jsonl.\n"
    assert len(Path("all.jsonl").read_text().splitlines()) == 18
