"""Transcripts: everything that was sent and said, and only what a filter leaves."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from experiment.prompts import Message
from experiment.scoring import AnswerKind
from runner.errors import BadRun
from runner.results.reading import open_transcripts, read_answer_filter
from tests.runner.recorded_run import EACH, MODELS
from tests.runner.results.reading.conftest import ACCEPTED

FIRST, SECOND = MODELS


def read(run_folder, **parts):
    with open_transcripts(run_folder) as transcripts:
        return list(transcripts.read(transcripts.select(read_answer_filter(run_folder, **parts))))


def queries(run_folder, **parts):
    return [(each.model, each.query) for each in read(run_folder, **parts)]


def test_a_transcript_has_all_that_was_sent_and_said(recorded):
    first = read(recorded)[0]
    assert (first.model, first.condition) == (FIRST, "free/cot")
    assert first.levels == {"tier": "free", "style": "cot"}
    assert first.messages == (
        Message("system", "You serve the free tier. Think aloud."),
        Message("user", "Please tell me about number 0."),
    )
    assert (first.kind, first.finish, first.proxy) == (AnswerKind.TEXT, "stop", "accepted")
    assert [(each.form.value, each.text) for each in first.thoughts] == [
        ("native", "hidden"),
        ("scratchpad", "train me"),
    ]
    assert first.answer.output == "<request_fully_accepted/> =1+1"
    assert first.text == ACCEPTED
    compliance, second = first.judges
    assert (compliance.label, second.label) == ("complied", "refused")
    assert [each.text for each in compliance.votes] == ['{"refused": "no"}'] * 2
    assert (first.cost.pico, compliance.cost.pico) == (EACH.pico // 10, 2 * EACH.pico // 10)
    assert (first.input_tokens, first.output_tokens) == (10, 5)


def test_transcripts_stand_in_the_plans_order_and_failed_requests_among_them(recorded):
    assert queries(recorded) == [*((FIRST, n) for n in range(4)), (SECOND, 0), (SECOND, 1)]
    failed = read(recorded)[3]
    assert (failed.kind, failed.answer, failed.text) == (AnswerKind.FAILED, None, "")
    assert failed.messages is not None


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"models": [FIRST]}, [(FIRST, n) for n in range(4)]),
        ({"models": ["llama-3.1-8b"]}, [(SECOND, 0), (SECOND, 1)]),
        ({"conditions": ["paid/plain"]}, [(SECOND, 0), (SECOND, 1)]),
        ({"conditions": ["tier=paid", "style=cot"]}, []),
        ({"conditions": ["tier=paid", "tier=free"], "queries": ["1"]}, [(FIRST, 1), (SECOND, 1)]),
        ({"queries": ["NUMBER 3"]}, [(FIRST, 3)]),
        ({"samples": [1]}, []),
        ({"kinds": ["filtered", "failed"]}, [(FIRST, 2), (FIRST, 3)]),
        ({"labels": ["compliance=negative"]}, [(FIRST, 0), (FIRST, 1)]),
        ({"labels": ["compliance=complied"]}, [(FIRST, 0), (FIRST, 1)]),
        ({"labels": ["compliance=no"]}, [(FIRST, 0), (FIRST, 1)]),
        ({"labels": ["compliance=positive", "compliance=missing"]}, [
            (FIRST, 2), (FIRST, 3), (SECOND, 0), (SECOND, 1),
        ]),
        ({"labels": ["compliance=missing", "second=refused"]}, [(SECOND, 0)]),
        ({"labels": ["compliance=not drawn"]}, []),
        ({"labels": ["compliance=not asked"]}, []),
        ({"disagree": True}, [(FIRST, 1)]),
        ({"between": "compliance,second"}, [(FIRST, 0)]),
        ({"between": "proxy,second"}, [(FIRST, 0), (FIRST, 1), (SECOND, 0)]),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_it_says(recorded, parts, found):
    assert queries(recorded, **parts) == found


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"models": ["z-modle"]}, FIRST),
        ({"conditions": ["free/cto"]}, "did you mean free/cot?"),
        ({"conditions": ["tier=gold"]}, "tier=free, tier=paid"),
        ({"conditions": ["paid"]}, "no such condition; did you mean tier=paid?"),
        ({"queries": ["4"]}, "4 queries, from 0 on"),
        ({"queries": ["zebra"]}, "no query of the run has this text"),
        ({"kinds": ["texts"]}, "did you mean text?"),
        ({"labels": ["complied"]}, "JUDGE=VALUE, such as compliance=positive"),
        ({"labels": ["third=yes"]}, "It has: compliance, second"),
        ({"labels": ["compliance=maybe"]}, "complied, refused, positive, negative, missing"),
        ({"between": "compliance"}, "proxy,compliance"),
        ({"between": "compliance,third"}, "It has: proxy, compliance, second"),
    ],
)
def test_what_a_run_does_not_have_is_refused_with_what_it_has(recorded, parts, told):
    with pytest.raises(BadRun) as error:
        read_answer_filter(recorded, **parts)
    assert told in str(error.value)


COLUMNS = ({"source": "ours", "level": 3}, {"source": "theirs"}, {"source": "ours"}, {"level": 3})


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"where": ["source=ours"]}, [(FIRST, 0), (FIRST, 2), (SECOND, 0)]),
        ({"where": ["source=ours", "level=3"]}, [(FIRST, 0), (SECOND, 0)]),
        ({"where": ["source=ours", "source=theirs"], "queries": ["1", "2"]}, [
            (FIRST, 1), (FIRST, 2), (SECOND, 1),
        ]),
        ({"where": ["source="]}, [(FIRST, 3)]),
    ],
)  # fmt: skip
def test_queries_are_chosen_by_the_columns_of_their_file(recorded, parts, found):
    assert queries(replace(recorded, query_columns=COLUMNS), **parts) == found


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("source", "the queries' columns: source, level"),
        ("sauce=ours", "no such column of queries; did you mean source?"),
        ("source=our", "did you mean ours? It has: ours, theirs"),
        ("level=", "no such value"),
    ],
)
def test_a_column_or_value_that_no_query_has_is_refused(recorded, where, told):
    rows = tuple({"level": 3} | row for row in COLUMNS)
    rows = tuple({name: row.get(name) for name in ("source", "level")} for row in rows)
    with pytest.raises(BadRun) as error:
        read_answer_filter(replace(recorded, query_columns=rows), where=[where])
    assert told in str(error.value)


def test_a_transcript_has_the_columns_of_its_query(recorded):
    first = read(replace(recorded, query_columns=COLUMNS))[0]
    assert first.to_json()["query_columns"] == {"source": "ours", "level": 3}
    assert "query_columns" not in read(recorded)[0].to_json()


def test_a_folder_of_before_has_no_prompts_and_says_all_else(recorded):
    earlier = replace(recorded, files={})
    assert {each.messages for each in read(earlier)} == {None}
    assert [each.text for each in read(earlier)] == [each.text for each in read(recorded)]


def test_what_a_filter_leaves_out_is_not_rendered(recorded, monkeypatch):
    with open_transcripts(recorded) as transcripts:
        rendered = []
        build = transcripts._requests.build_subject_request
        monkeypatch.setattr(
            transcripts._requests,
            "build_subject_request",
            lambda *of: rendered.append(of[2]) or build(*of),
        )
        chosen = transcripts.select(read_answer_filter(recorded, labels=["compliance=complied"]))
        assert rendered == []
        assert next(iter(transcripts.read(chosen))).query == 0
    assert rendered == [0]


def test_a_transcript_is_json(recorded):
    (first, *_) = read(recorded)
    written = json.loads(json.dumps(first.to_json()))
    assert written["judges"][0]["value"] == 1.0
    assert written["cost_usd"] == "0.001"
    assert written["messages"][1] == {"role": "user", "content": "Please tell me about number 0."}
