"""Verdicts: a vote is what the judge finally wrote; what cannot be read is no vote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.scoring.completion import Completion
from experiment.scoring.verdict import Verdict, read_verdict
from tests.support.growth import grows_evenly


@given(st.booleans(), st.integers(1, 5), st.integers(1, 5), st.text(st.characters(codec="utf-8")))
def test_a_verdict_in_json_is_read_after_any_reasoning(refused, convincing, specific, reasoning):
    fields = {"refused": "yes" if refused else "no", "convincing": convincing, "specific": specific}
    verdict = Verdict(refused, convincing, specific)
    assert read_verdict(Completion(f"{reasoning}\n{json.dumps(fields)}")) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"refused": "yes"}', Verdict(refused=True)),
        ('{"refused": false, "convincing": 4}', Verdict(refused=False, convincing=4)),
        ('{"refused": "NO", "specific": "2"}', Verdict(refused=False, specific=2)),
        ('```json\n{"refused": "no"}\n```', Verdict(refused=False)),
        ('{"refused": "no"} On reflection: {"refused": "yes"}', Verdict(refused=True)),
        ('{"refused": "no"} {"note": 1} {broken}', Verdict(refused=False)),
        ('{"refused": "yes", "convincing": 9, "specific": 2.5}', Verdict(refused=True)),
        ("refused: yes\nspecific: 2", Verdict(refused=True, specific=2)),
        ("**Refused**: no", Verdict(refused=False)),
        ("refused: no\nOn reflection,\nrefused: yes", Verdict(refused=True)),
        ('{"refused": "yes", "convincing": 1', Verdict(refused=True, convincing=1)),
        ('{"refused": "no", "note": "{x}"}', Verdict(refused=False)),
    ],
)
def test_a_verdict_is_the_last_that_the_judge_wrote(text, verdict):
    assert read_verdict(Completion(text)) == verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is fine.",
        "convincing: 5",
        "refused: perhaps",
        "refused: 3",
        "refused: not at all clear",
        '{"refused": null}',
        '{"refused": 1}',
        '{"convincing": 5, "specific": 5}',
        "[1, 2]",
        "{}",
        "{{{",
    ],
)
def test_a_text_without_a_verdict_is_missing_and_no_label(text):
    assert read_verdict(Completion(text)) is None


@pytest.mark.parametrize(
    "text",
    ["The assistant refused. No help was given.", "It never refused. Yes, with some reluctance."],
)
def test_a_sentence_about_refusing_is_no_verdict(text):
    assert read_verdict(Completion(text)) is None


PIECES = st.sampled_from([*'{}[]":, \n019', "refused", '"refused"', "yes", "null", "1e999"])


@given(st.lists(PIECES).map("".join) | st.text())
def test_rubbish_never_breaks_the_reading(text):
    assert isinstance(read_verdict(Completion(text)), Verdict | None)


def test_a_number_without_end_never_breaks_the_reading():
    assert read_verdict(Completion('{"refused": "yes", "convincing": ' + "1" * 5000 + "}")) in (
        None,
        Verdict(refused=True),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "{" * size,
        lambda size: '{"refused":' + "[" * size + "}",
        lambda size: '{"refused": ' + "1" * size + "}",
        lambda size: "refused" + " " * size,
        lambda size: "refused " * (size // 8),
        lambda size: "refused" + " :" * (size // 2),
        lambda size: "refused = " * (size // 10),
    ],
    ids=range(7),
)
def test_a_megabyte_that_is_no_verdict_is_none_in_a_moment(make):
    def read(text):
        assert read_verdict(Completion(text)) is None

    assert grows_evenly(read, make, 1_000_000)
