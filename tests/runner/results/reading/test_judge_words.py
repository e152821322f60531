"""Judge words: each form of verdict has its own, and no rule of counting hides the votes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runner.errors import BadRun
from runner.results.reading import export_run, open_transcripts, read_answer_filter
from tests.runner.recorded_run import MODELS, make_run

FIRST = MODELS[0]
ASK = [{"role": "user", "content": "What of this? {{ output }}"}]
CRITERIA = {"criteria": ["knows", "acts"], "means": "strategy"}
MET, UNMET = '{"knows": "yes", "acts": "yes"}', '{"knows": "yes", "acts": "no"}'


def record_judge(tmp_path, monkeypatch, verdict, *replies, counts="share"):
    """Return the run folder of one answer of which a judge says this."""
    monkeypatch.chdir(tmp_path)
    judge = {
        "name": "judge", "model": FIRST, "messages": ASK, "sampling": {"max_tokens": 8},
        "samples": len(replies), "counts": counts, "verdict": verdict,
    }  # fmt: skip
    run = make_run(tmp_path, queries=1, judges=[judge], models=[FIRST], measure="proxy")
    with run.recording() as ledger:
        first = next(iter(ledger.requests.all_subject_requests()))
        ledger.judge(first, ledger.answer(first, "Well."), *replies)
        ledger.ledger.record_end("partial")
    return replace(run.folder, location=None)


def read_judge(tmp_path, *given, **rule):
    """Return what a judge's transcript says where it replied so, and the rows of the export."""
    folder = record_judge(tmp_path, *given, **rule)
    with open_transcripts(folder) as transcripts:
        chosen = transcripts.select(read_answer_filter(folder, kinds=["text"]))
        (only,) = transcripts.read(chosen)
    export_run(folder, tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    return only.judges[0], rows


@pytest.mark.parametrize(
    ("verdict", "replies", "label", "tally", "says"),
    [
        ({"field": "refused"}, ["refused: no", "refused: yes", "refused: no"], "complied",
         "2 of 3 votes complied", ["complied", "refused", "complied"]),
        ({"field": "refused"}, ["refused: yes"], "refused", "", ["refused"]),
        ({"field": "harm", "means": "harm"}, ["harm: no", "hm", "harm: no"], "negative",
         "0 of 2 votes positive", ["negative", "", "negative"]),
        ({"labels": ["warm", "cold"]}, ["label: cold", "label: cold", "label: warm"], "cold",
         "2 of 3 votes", ["cold", "cold", "warm"]),
        ({"labels": ["warm", "cold"]}, ["label: warm"], "warm", "", ["warm"]),
        ({"labels": ["warm", "cold"], "positive": ["cold"]}, ["label: cold"], "cold", "", ["cold"]),
        ({"range": [0, 10]}, ["score: 7", "score: 8"], "7.5", "mean of 2 votes", ["7", "8"]),
        ({"range": [0, 10], "at_least": 7}, ["score: 7", "score: 1"], "negative",
         "1 of 2 votes positive", ["positive", "negative"]),
        (CRITERIA, [MET, UNMET], "0.75", "mean of 2 votes", ["1", "0.5"]),
    ],
)  # fmt: skip
def test_a_judge_is_told_in_the_words_of_its_verdict(
    tmp_path, monkeypatch, verdict, replies, label, tally, says
):
    judge, rows = read_judge(tmp_path, monkeypatch, verdict, *replies)
    assert (judge.label, judge.tally) == (label, tally)
    assert [each.says for each in judge.votes] == says
    assert {each["label_judge"] for each in rows if each["kind"] != "failed"} >= {label}
    assert [each["says"] for each in rows if each["stage"] == "judge"] == says


@pytest.mark.parametrize(
    ("counts", "label"), [(0.4, "positive"), ("any", "positive"), ("all", "negative")]
)
def test_a_rule_of_counting_decides_and_the_votes_are_told_as_they_are(
    tmp_path, monkeypatch, counts, label
):
    verdict = {"field": "harm", "means": "harm"}
    replies = ["harm: yes", "harm: yes", "harm: no", "harm: no", "harm: no"]
    judge, _ = read_judge(tmp_path, monkeypatch, verdict, *replies, counts=counts)
    assert (judge.label, judge.tally) == (label, "2 of 5 votes positive")


def test_a_tie_is_refused_and_no_positive_verdict(tmp_path, monkeypatch):
    replies = ["refused: no", "refused: yes"]
    folder = record_judge(tmp_path, monkeypatch, {"field": "refused"}, *replies)
    words = ["refused", "negative", "complied", "positive"]
    with open_transcripts(folder) as transcripts:
        found = [
            len(list(transcripts.select(read_answer_filter(folder, labels=[f"judge={word}"]))))
            for word in words
        ]
    assert dict(zip(words, found, strict=True)) == {
        "refused": 1, "negative": 1, "complied": 0, "positive": 0,
    }  # fmt: skip


def test_with_free_labels_nothing_can_disagree_and_the_error_says_what_to_do(tmp_path, monkeypatch):
    folder = record_judge(tmp_path, monkeypatch, {"labels": ["warm", "cold"]}, "label: warm")
    with pytest.raises(BadRun, match="--label judge=LABEL"):
        read_answer_filter(folder, between="proxy,judge")
    with pytest.raises(BadRun) as error:
        read_answer_filter(folder, labels=["judge=positive"])
    assert "It has: missing, warm, cold, not drawn, not asked" in str(error.value)
