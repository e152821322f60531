"""What is not seen is shown, what a spreadsheet would run is not run, and JSON stays exact."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimator.safe_text import (
    CsvFile,
    dump_json,
    escape_cell,
    escape_controls,
    escape_lines,
    escape_prose,
    unescape_cell,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gpt-4o, Ünïcode, 模型, \N{GRINNING FACE}", "gpt-4o, Ünïcode, 模型, \N{GRINNING FACE}"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\x9b2J\x7f\0", "a\\x9b2J\\x7f\\x00"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("a\u202eb\u2066c\u200ed\u061c", "a\\u202eb\\u2066c\\u200ed\\u061c"),
        ("a\u200bb\ufeffc\u2028d\u2029e\x85", "a\\u200bb\\ufeffc\\u2028d\\u2029e\\x85"),
        ("a\U000e0041", "a\\U000e0041"),
        ("a\udcffb", "a\\udcffb"),
        ("a\xa0b\xad", "a\\xa0b\\xad"),
    ],
)
def test_what_would_not_be_seen_is_shown_as_what_it_is(text, shown):
    assert escape_controls(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_steers_a_terminal_is_left(text):
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}
    assert not [x for x in escape_controls(text) if unicodedata.category(x) in unseen]


def test_a_line_of_a_value_does_not_pass_for_a_message():
    said = escape_lines("afcost: no level 'a\nApproved. To run it'\n  models:\n\x1b[2J")
    assert said == "afcost: no level 'a\n  Approved. To run it'\n  models:\n  \\x1b[2J"


@given(
    st.recursive(st.text(st.characters()), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_json_is_exact_and_shows_what_is_in_it(value):
    for indent in (None, 2):
        written = dump_json(value, indent)
        assert json.loads(written) == value
        assert [x for x in written if not x.isprintable() and x != "\n"] == []


PERSIAN, FAMILY = "\u0645\u06cc\u200c\u062e\u0648", "\U0001f469\u200d\U0001f467"
FLAG = "\U0001f3f3\ufe0f\u200d\U0001f308"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{PERSIAN} {FAMILY} {FLAG}", f"{PERSIAN} {FAMILY} {FLAG}"),
        ("a\u200db", "a\\u200db"),
        ("\u06cc\u200c", "\u06cc\\u200c"),
        ("\u06cc\u200c\u200c\u06cc", "\u06cc\\u200c\\u200c\u06cc"),
        ("\u06cc\u202e\u06cc\x1b[2J", "\u06cc\\u202e\u06cc\\x1b[2J"),
    ],
)
def test_prose_keeps_the_joiners_of_its_letters_and_nothing_else_that_is_not_seen(text, shown):
    assert escape_prose(text) == shown


def test_json_keeps_what_people_read():
    assert dump_json({"é": "模型 \u202e"}) == '{"é": "模型 \\u202e"}'


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "-cmd|x", "--", "+a"],
)
def test_a_cell_that_begins_like_a_formula_is_a_text(text):
    escaped = escape_cell(text)
    assert escaped.startswith("'")
    assert unescape_cell(escaped) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=1",
        "-0.5",
        "+3",
        "-1,200.50",
        "-$0.50",
        "1e-3",
        "-1.5e+3",
        "-3 %",
        "-",
        "–",
        "'a",
        "' =",
    ],
)
def test_other_cells_stay_as_they_are(text):
    assert escape_cell(text) == unescape_cell(text) == text


def test_a_cell_shows_control_characters_and_keeps_lines_and_what_languages_need():
    assert escape_cell("a\x1b[2J\x9b\n\tb \u200d\u200f") == "a\\x1b[2J\\x9b\n\tb \u200d\u200f"


@pytest.mark.parametrize("cell", ["a\r=1", "a\n=1", "a\r\n=1", "a,b", 'a"b', "a\r\n", "\r"])
def test_a_cell_of_a_csv_file_stays_one_cell_and_rows_end_in_a_line_feed(cell):
    file = io.StringIO()
    csv.writer(CsvFile(file)).writerows([[cell, "x"], ["y", cell]])
    assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == [[cell, "x"], ["y", cell]]
    assert file.getvalue().endswith("\n")
