"""Names of rows fit, and stay apart; texts of charts have no unseen characters."""

from __future__ import annotations

from afcost.page.charts.dots import Row
from afcost.page.report.findings.rows import choose_look, fit_texts


def names(*given, most=120):
    fitted, margins = fit_texts([Row(name) for name in given], 348, most)
    return [each.name for each in fitted], margins.left


def test_short_names_are_whole_and_have_no_more_room_than_they_need():
    assert names("cot", "no-cot") == (["cot", "no-cot"], 56)


def test_long_names_that_begin_alike_are_told_apart():
    given = [f"my-lab/model-number-{number}-with-a-long-name" for number in range(12)]
    shown, left = names(*given, "all models")
    assert len(set(shown)) == 13
    assert shown[-1] == "all models"
    assert left == 120


def test_a_long_name_alone_loses_its_middle():
    (shown,), _ = names("a-provider/with-a-very-long-name-of-a-model")
    assert shown.startswith("a-pro")
    assert shown.endswith("model")
    assert "…" in shown


def test_wide_letters_are_given_their_room():
    (shown,), _ = names("模型" * 20)
    assert len(shown) <= 8


def test_unseen_characters_are_shown_as_escapes():
    (row,), _ = fit_texts([Row("\u202ename", text="\u0000", tip="a\u202e\nb")], 348, 200)
    assert (row.name, row.text) == ("\\u202ename", "\\x00")
    assert row.tip == "a\\u202e\nb"


def test_levels_look_different():
    assert len({choose_look(number) for number in range(4)}) == 4
    assert choose_look(9) == choose_look(3)
