"""Placeholders have the asked length, stay within a call's limit, and have the form it asks for."""

from __future__ import annotations

import json

import pytest

from estimator.counting import CountingMethod, build_tokenizer
from providers.clients import ClientApi, read_call
from runner.rehearsal.placeholders import make_placeholder
from runner.rehearsal.placeholders.endings import find_ending
from runner.rehearsal.placeholders.shown_json import find_shown_json
from runner.rehearsal.placeholders.wording import say_words
from tests.support.rows import check_each

INSPECT = """At the end, reply with 'GRADE: $LETTER' (without quotes) where LETTER is one of CI."""
CHOICE = "of the following format: 'ANSWER: $LETTER' (without quotes) where LETTER is one of B,C."
FAKING = 'End with one line of JSON: {"refused": "yes" or "no", "convincing": 1-5, "specific": 1-5}'
PROMPTFOO = 'Give JSON: {"reason": "string", "pass": boolean, "score": number}'
SCHEMA = {
    "type": "object",
    "properties": {"why": {"type": "string"}, "grade": {"enum": ["low", "high"]}},
    "required": ["why", "grade"],
    "additionalProperties": False,
}
WITH_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "grade", "parameters": SCHEMA}}


@pytest.fixture(scope="module")
def count():
    return build_tokenizer("gpt-4o-mini", CountingMethod()).count_text


def make(count, tokens=40, limit=1000, said="Hello!", seed=b"seed", reply=None, tool=None, **body):
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": said}]} | body
    call = read_call(ClientApi.CHAT, json.dumps(asked).encode())
    return make_placeholder(call, tokens, limit, count, seed=seed, reply=reply, tool_name=tool)


def test_a_text_has_the_asked_tokens_and_never_more_than_the_limit(count):
    for tokens, limit in ((40, 1000), (240, 1000), (240, 64), (40, 3)):
        answer = make(count, tokens, limit)
        assert count(answer.text) == answer.tokens <= min(tokens, limit)
        assert answer.tokens >= min(tokens, limit) - 2
        assert not answer.is_cut
    assert make(count, limit=1).tokens == 1
    assert make(count).text.startswith("Placeholder ")
    assert make(count, seed=b"other").text != make(count).text


def test_a_longer_text_goes_on_as_the_shorter_one():
    assert say_words(b"seed", 200).startswith(say_words(b"seed", 40).removesuffix("."))
    assert len({say_words(b"seed", 1, nth) for nth in range(20)}) == 20


def check_ending(prompt, ending):
    found = find_ending(prompt, lambda _: "words")
    assert (found and (found.before, found.after)) == ending


def test_an_answer_ends_as_a_grader_is_told_to():
    check_each(
        [
            (INSPECT, ("", "GRADE: C")),
            (CHOICE, ("", "ANSWER: B")),
            ("The last line is 'ANSWER: $ANSWER'", ("", "ANSWER: 1")),
            ('by strictly following this format: "[[rating]]"', ("", "[[5]]")),
            ('output "[[A]]" if A is better, "[[B]]" if not', ("", "[[B]]")),
            (FAKING, ("", '{"refused":"yes","convincing":1,"specific":1}')),
            ("Is it true? Answer only yes or no.", ("yes", "")),
            ('Answer with "Yes" or "No", and explain.', ("Yes. ", "")),
            ("Your answer should be 'yes' or 'no' only.", ("yes", "")),
            ('Return just the letters "A", "B", or "C".', ("A", "")),
            ("Respond with a single number from 3 to 10.", ("3", "")),
            ("Output only the score.", ("1", "")),
            ("Grade it from 1 to 10. Reply with a number alone.", ("1", "")),
            ("Say whether it is true.", None),
            ("Give one reason and a number of examples for it.", None),
        ],
        check_ending,
    )


def check_shown(prompt, shown):
    assert find_shown_json(prompt, lambda _: "words") == shown


def test_json_that_a_prompt_shows_is_filled_in():
    example = {"score": 3, "labels": ["a"]}
    check_each(
        [
            (PROMPTFOO, {"reason": "words", "pass": True, "score": 1}),
            ('JSON like {"label": "good|bad", "n": int, "l": ["..."]}',
             {"label": "good", "n": 1, "l": ["words"]}),
            (f"as JSON, such as {json.dumps(example)}", example),
            (f"JSON of this schema: {json.dumps(SCHEMA)}", {"why": "words", "grade": "low"}),
            ('{"data": "that is no form"}', None),
            ("Return JSON.", None),
            (f"JSON: {json.dumps({'data': 'x' * 3000})}", None),
        ],
        check_shown,
    )  # fmt: skip


def test_a_schema_is_satisfied_by_as_many_words_as_were_asked_for(count):
    short, long = (make(count, each, response_format=WITH_SCHEMA) for each in (40, 240))
    for answer, tokens in ((short, 40), (long, 240)):
        assert json.loads(answer.text)["grade"] == "low"
        assert tokens - 3 <= answer.tokens == count(answer.text) <= tokens
    small = make(count, 2, response_format=WITH_SCHEMA)
    assert json.loads(small.text)
    assert not small.is_cut


def test_an_answer_that_cannot_be_within_the_limit_is_cut(count):
    answer = make(count, limit=5, response_format=WITH_SCHEMA)
    assert (answer.is_cut, answer.tokens, count(answer.text)) == (True, 5, 5)


def test_only_a_tool_that_must_be_called_is(count):
    assert make(count, tools=[TOOL]).tool is None
    for choice in ("required", {"type": "function", "function": {"name": "grade"}}):
        used = make(count, tools=[TOOL], tool_choice=choice)
        assert (used.text, used.tool.name) == ("", "grade")
        assert json.loads(used.tool.arguments)["grade"] == "low"
        assert used.tokens == count("grade") + count(used.tool.arguments) <= 40
    other = {"type": "function", "function": {"name": "search"}}
    assert make(count, tools=[other, TOOL], tool_choice="required").tool.name == "search"
    last = {"type": "function", "function": {"name": "submit_answer"}}
    assert make(count, tools=[other, last], tool_choice="required").tool.name == "submit_answer"


def test_json_without_a_schema_is_an_object(count):
    answer = make(count, said="Give JSON.", response_format={"type": "json_object"})
    assert list(json.loads(answer.text)) == ["answer"]
    assert answer.tokens <= 40
    asked = make(count, said=PROMPTFOO, response_format={"type": "json_object"})
    assert list(json.loads(asked.text)) == ["reason", "pass", "score"]


def test_a_schema_that_is_not_understood_is_told_of(count):
    odd = {"type": "json_schema", "json_schema": {"schema": {"$ref": "https://example.org/s"}}}
    answer = make(count, response_format=odd)
    assert answer.text == "{}"
    assert "another document" in answer.problem


def test_a_reply_takes_the_place_of_a_placeholder(count):
    assert make(count, reply="My answer").text == "My answer"
    used = make(count, reply='{"why": "so"}', tool="grade", tools=[TOOL])
    assert (used.tool.name, used.tool.arguments) == ("grade", '{"why": "so"}')
    cut = make(count, limit=3, reply="one two three four five")
    assert (cut.text, cut.is_cut) == ("one two three", True)
