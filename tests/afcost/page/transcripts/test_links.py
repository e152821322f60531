"""Links into the transcripts: which answers they ask for."""

from __future__ import annotations

from urllib.parse import parse_qsl

from afcost.page.transcripts.links import link_answer, link_answers


def _read(link: str) -> list[tuple[str, str]]:
    assert link.startswith("#find?")
    return parse_qsl(link.removeprefix("#find?"), keep_blank_values=True)


def test_a_link_says_what_it_filters_by_in_the_words_of_show():
    link = link_answers(
        model="lab/a", levels={"tier": "free"}, labels={"compliance": "complied"}, kind="text"
    )
    assert _read(link) == [
        ("model", "lab/a"),
        ("condition", "tier=free"),
        ("kind", "text"),
        ("label", "compliance=complied"),
    ]


def test_the_first_query_is_no_missing_value():
    assert _read(link_answers(query=0, sample=0)) == [("query", "0"), ("sample", "0")]


def test_two_measures_that_differ_are_one_value_and_names_survive():
    names = ("proxy", "a & b = 100 % #1, ü")
    assert _read(link_answers(differ=names)) == [("differ", ",".join(names))]
    assert _read(link_answers(condition=["free/cot", "paid/cot"])) == [
        ("condition", "free/cot"),
        ("condition", "paid/cot"),
    ]


def test_a_link_has_only_characters_that_an_address_may_have():
    link = link_answers(model="\ud800 <b> \u202e", text='"')
    assert link.isascii()
    assert not set(link) & set(" <>\"'")
    assert link_answer("a/<b>") == "#answer-a%2F%3Cb%3E"
