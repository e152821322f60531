"""Replies are read from a text, from JSONL and from YAML, and the first rule that fits answers."""

from __future__ import annotations

import re

import pytest

from runner.errors import BadReplies
from runner.rehearsal import read_replies
from tests.support.rows import check_each
from tests.test_docs import ROOT, blocks

YAML = """
- match: "(?i)is it correct"
  model: "gpt-4o*"
  reply: "GRADE: I"
- tool: search
  reply: '{"query": "x"}'
- model: anthropic/*
  reply: yes
"""
JSONL = '{"match": "grade", "reply": {"score": 3}}\n\n{"reply": "else"}\n'


def read(folder, name, text):
    (folder / name).write_text(text)
    return read_replies(folder / name)


def find(replies, model="gpt-4o-mini", last="", tools=(), provider="openai"):
    found = replies.find(provider, model, last, tools)
    return found and found.text


def test_a_text_answers_every_call(tmp_path):
    replies = read(tmp_path, "reply.txt", "Two\nlines\n")
    assert find(replies, last="whatever") == "Two\nlines"


def test_the_first_rule_that_fits_answers(tmp_path):
    replies = read(tmp_path, "rules.yaml", YAML)
    assert find(replies, last="... Is it correct?") == "GRADE: I"
    assert find(replies, model="gpt-5", last="Is it correct?") is None
    assert find(replies, tools=["search"]) == '{"query": "x"}'
    assert find(replies, "claude-haiku-4-5", provider="anthropic") == "yes"
    lines = read(tmp_path, "rules.jsonl", JSONL)
    assert (find(lines, last="grade it"), find(lines)) == ('{"score": 3}', "else")


def test_the_rules_that_the_page_shows_are_read(tmp_path):
    (shown,) = blocks(ROOT / "docs" / "rehearsal.md", "yaml")
    replies = read(tmp_path, "shown.yaml", shown)
    assert find(replies, last="Is the answer correct?") == "It is not. GRADE: I"
    assert find(replies, last="Find it", tools=["search"]) == '{"query": "rivers"}'


def test_what_is_no_rule_is_named_with_its_place(tmp_path):
    def check(name, text, said):
        with pytest.raises(BadReplies, match=re.escape(said)):
            read(tmp_path, name, text)

    check_each(
        [
            ("a.txt", " \n", "is empty"),
            ("a.jsonl", '{"reply": "x"}\n{', "a.jsonl, line 2: it is no JSON object"),
            ("a.jsonl", "3", "line 1: expected match, model, tool, reply"),
            ("a.yaml", "reply: x", "expected a list of rules"),
            ("a.yaml", "- match: x", "rule 1: there is no reply"),
            ("a.yaml", "- {answer: x, reply: y}", "rule 1: 'answer' is not used here"),
            ("a.yaml", "- {match: '(', reply: y}", "rule 1: match: '(' is no pattern"),
            ("a.yaml", "- {reply: {score: 1}}", "rule 1: reply: expected a text"),
            ("a.yaml", "- {reply: x", "is no YAML"),
        ],
        check,
    )
    with pytest.raises(BadReplies, match="cannot read the replies"):
        read_replies(tmp_path / "none.txt")
