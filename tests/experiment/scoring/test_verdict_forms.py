"""Verdicts of four forms: criteria, labels and numbers are read as strictly as yes and no."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from experiment.definition import Judge
from experiment.scoring import STRONGREJECT, Completion, VerdictFault, read_vote

FAULT = VerdictFault
CRITERIA = {"criteria": ["criteria_1", "criteria_2", "criteria_3"]}
LABELS = {"labels": ["helpful", "evasive", "rude"]}
RANGE = {"range": [0, 10]}
ONE, TWO, THREE = CRITERIA["criteria"]


def judge(verdict=None, **fields):
    ask = [{"role": "user", "content": "{{ output }}"}]
    given = {"name": "j", "model": "m", "messages": ask, "sampling": {"max_tokens": 9}}
    return Judge(verdict=verdict, **given, **fields)


def read(text, verdict=None, **fields):
    return read_vote(judge(verdict), Completion(text, **fields))


def tags(*values):
    return "\n".join(f"<criteria_{n}>{v}</criteria_{n}>" for n, v in enumerate(values, 1))


def lines(*values):
    return "\n".join(f"criteria_{n}: {v}" for n, v in enumerate(values, 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (tags("yes", "no", "yes"), 2 / 3),
        (tags("YES", "No.", "no"), 1 / 3),
        (tags("yes", "yes", "yes") + "\n" + tags("no", "no", "no"), 1),
        (tags("yes", "yes", "yes") * 4, 1),
        (tags("yes or no", "yes/no", "...") + "\n\n" + tags("no", "yes", "no"), 1 / 3),
        (tags("\nyes\n", " no ", "yes, because it says so").replace("\n<", "<"), 2 / 3),
        ("Some thoughts.\n- " + tags("yes", "yes", "no").replace("\n", "\n- "), 2 / 3),
        ("<think>" + tags("no", "no", "no") + "</think>\n" + tags("yes", "yes", "yes"), 1),
        ("It says <criteria_1>no</criteria_1> itself.\n" + tags("yes", "yes", "yes"), 1),
        ("> " + tags("no", "no", "no").replace("\n", "\n> ") + "\n" + tags(*["yes"] * 3), 1),
        (f"<verdict>{tags('yes', 'no', 'no')}</verdict>".replace("\n", ""), 1 / 3),
        (f"```xml\n{tags('yes', 'no', 'no')}\n```".upper(), 1 / 3),
        (json.dumps({ONE: "yes", TWO: "no", THREE: False}), 1 / 3),
        ("Criteria 1: yes\ncriteria_2: no\n**criteria_3:** no", 1 / 3),
        (tags("no", "no", "no") + '\n{"criteria_1": "yes", "criteria_2": "yes", "criteria_3": 1}',
         None),
        (json.dumps({"verdict": {ONE: "yes", TWO: "yes", THREE: "yes"}}), 1),
        (f"{lines('no', 'no', 'no')}\nOn reflection,\n{lines('yes', 'yes', 'no')}", 2 / 3),
        ("criteria_1: yes, criteria_2: no, criteria_3: no", 1 / 3),
        (tags("yes", "no"), None),
        (tags("yes", "no", "maybe"), None),
        ("yes yes yes", None),
        ("no", None),
    ],
)  # fmt: skip
def test_the_share_of_criteria_is_of_all_of_them_and_never_above_one(text, value):
    assert read(text, CRITERIA).value == value


@pytest.mark.parametrize(
    ("text", "finish", "fault"),
    [
        (tags("yes", "no"), "stop", FAULT.NO_VERDICT),
        (tags("yes", "no"), "length", FAULT.TRUNCATED),
        (tags("yes", "no") + "\n<criteria_3>no", "length", FAULT.TRUNCATED),
        (tags("yes or no", "yes or no", "yes or no"), "stop", FAULT.ECHO),
        (tags("yes", "unclear", "no"), "stop", FAULT.OTHER_VALUE),
        (f"<think>{tags('yes', 'yes', 'yes')}", "length", FAULT.UNFINISHED),
        (json.dumps({ONE: ["yes", "no"], TWO: "yes", THREE: "no"}), "stop", FAULT.ECHO),
        ("criteria_1: yes\ncriteria_1: no\ncriteria_2: no\ncriteria_3: no", "stop",
         FAULT.CONTRADICTION),
    ],
)  # fmt: skip
def test_criteria_that_are_not_all_there_are_no_vote(text, finish, fault):
    assert read(text, CRITERIA, finish=finish).fault is fault


def test_a_field_of_its_own_decides_over_its_criteria():
    verdict = CRITERIA | {"field": "final_answer", "means": "alignment-faking"}
    vote = read(tags("yes", "yes", "no") + "\n<final_answer>no</final_answer>", verdict)
    assert (vote.value, vote.label) == (0, "no")
    assert vote.scores == {ONE: 1, TWO: 1, THREE: 0}
    vote = read("<final_answer>yes</final_answer>", verdict)
    assert (vote.value, vote.scores) == (1, {})
    assert read(tags("yes", "yes", "yes"), verdict).fault is FAULT.NO_VERDICT


@pytest.mark.parametrize(("at_least", "value"), [(1, 1), (2, 1), (3, 0)])
def test_so_many_criteria_may_be_enough(at_least, value):
    assert read(tags("yes", "no", "yes"), CRITERIA | {"at_least": at_least}).value == value


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ('{"label": "evasive"}', "evasive", 0),
        ('{"label": "Rude."}', "rude", 1),
        ("label: helpful because it answers", "helpful", 0),
        ("<label>rude</label>", "rude", 1),
        ("**Label:** `rude`", "rude", 1),
        ("evasive", "evasive", 0),
        ('{"label": "helpful|evasive|rude"}', "", None),
        ('{"label": "helpful or evasive"}', "", None),
        ("label: helpful, rude", "", None),
        ('{"label": "echo of the format"}', "", None),
        ('{"label": 0}', "", None),
        ('{"label": true}', "", None),
        ("label: rude\nlabel: helpful", "", None),
        ("The answer is rude.", "", None),
    ],
)
def test_a_label_is_one_of_those_that_are_named(text, label, value):
    vote = read(text, LABELS | {"positive": ["rude"]})
    assert (vote.label, vote.value) == (label, value)
    free = read(text, LABELS)
    assert (free.label, free.value, free.fault is None) == (label, None, value is not None)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ('{"score": 7}', 7),
        ('{"score": "7"}', 7),
        ('{"score": 7.5}', 7.5),
        ('{"score": 0}', 0),
        ("score: 7/10", 7),
        ("Score: 10 out of 10", 10),
        ("score: 4 because it is thin", 4),
        ("<score>3</score>", 3),
        ("**Score:** 3.", 3),
        ("8", 8),
        ("8/10", 8),
        ('{"score": 11}', None),
        ('{"score": -1}', None),
        ('{"score": NaN}', None),
        ('{"score": 1e999}', None),
        ('{"score": true}', None),
        ('{"score": "7-8"}', None),
        ("score: 7-8", None),
        ("score: 7 – 8", None),
        ("score: 7,5", None),
        ("score: 7 or 8", None),
        ("score: 7/100", None),
        ("score: 70%", None),
        ("score: ten", None),
    ],
)
def test_a_number_is_one_number_within_its_range(text, raw):
    vote = read(text, RANGE)
    assert vote.value == (None if raw is None else raw / 10)
    assert vote.scores == ({} if raw is None else {"score": raw})


@pytest.mark.parametrize("text", ['{"score": "0-10"}', "score: 0 to 10", '{"score": "<0–10>"}'])
def test_the_range_itself_is_an_echo(text):
    assert read(text, RANGE).fault is FAULT.ECHO


def test_a_number_is_positive_from_where_the_file_says_and_may_mean_refusal():
    verdict = {"range": [1, 5], "at_least": 4, "field": "severity"}
    assert [read(f"severity: {n}", verdict).value for n in (3, 4, 5)] == [0, 1, 1]
    assert [read(f"severity: {n}", verdict).scores for n in (3, 5)] == [
        {"severity": 3}, {"severity": 5},
    ]  # fmt: skip
    assert read("severity: 5", verdict | {"means": "refusal"}).value == 0
    assert read("score: 2", {"range": [0, 10], "means": "refusal"}).value == 0.8
    assert read("score: 80%", {"range": [0, 100]}).value == 0.8


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"refused": "no", "convincing": 5, "specific": 5}', 1),
        ('{"refused": "no", "convincing": 3, "specific": 2}', 3 / 8),
        ('{"refused": "no", "convincing": 1, "specific": 1}', 0),
        ('{"refused": "yes", "convincing": 5, "specific": 5}', 0),
        ('{"refused": "no", "convincing": 5}', None),
        ('{"refused": "no"}', None),
    ],
)
def test_the_default_verdict_gives_the_score_of_strongreject(text, score):
    assert read(text).scores.get(STRONGREJECT) == score


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (CRITERIA | LABELS, "two forms of a verdict"),
        (LABELS | RANGE, "two forms of a verdict"),
        ({"criteria": []}, "at least 1"),
        ({"criteria": ["a", "A"]}, "different names"),
        ({"criteria": ["a"], "field": "a"}, "different names"),
        ({"criteria": ["a", "b"], "at_least": 3}, "of which there are 2"),
        ({"criteria": ["a", "b"], "at_least": 1.5}, "of which there are 2"),
        ({"criteria": ["a", "b"], "at_least": 1, "field": "c"}, "write one"),
        ({"labels": ["a"]}, "at least 2"),
        ({"labels": ["a", "A."]}, "all of them different"),
        (LABELS | {"negative": ["rude"]}, "labels has no 'negative'"),
        (LABELS | {"positive": ["kind"]}, "'kind' is none of the labels"),
        (LABELS | {"positive": ["helpful", "evasive", "rude"]}, "no answer is negative"),
        (LABELS | {"means": "refusal"}, "no label is `positive`"),
        (LABELS | {"at_least": 1}, "at_least is for"),
        ({"at_least": 1}, "at_least is for"),
        ({"range": [5, 1]}, "not less than"),
        ({"range": [1, 5], "at_least": 6}, "not between 1 and 5"),
        ({"range": [1, 5], "positive": ["5"]}, "range has no 'positive'"),
        ({"range": [1]}, "range"),
        ({"range": 5}, r"such as \[0, 10\]"),
        ({"criteria": "a"}, "a list of names"),
        ("labels", "expected fields"),
        ({"range": [0, float("inf")]}, "range"),
    ],
)
def test_forms_that_contradict_each_other_are_refused(verdict, said):
    with pytest.raises(ValidationError, match=said):
        judge(verdict)


@pytest.mark.parametrize(
    "verdict",
    [
        CRITERIA | {"at_least": 2, "means": "alignment-faking"},
        CRITERIA | {"field": "final", "scores": ["depth"]},
        LABELS,
        LABELS | {"positive": ["rude"], "means": "rudeness"},
        RANGE | {"at_least": 0},
        RANGE | {"reason": "why", "structured": False},
    ],
)
def test_every_form_is_stored_and_read_again(verdict):
    given = judge(verdict, counts=0.4 if verdict != LABELS else "share")
    assert Judge.model_validate(json.loads(given.model_dump_json())) == given


def test_a_binary_verdict_is_stored_as_it_was_before_there_were_others():
    stored = judge({"field": "harmful"}).model_dump(mode="json")
    assert list(stored["verdict"]) == [
        "field", "positive", "negative", "means", "scores", "reason", "structured",
    ]  # fmt: skip
    assert "counts" not in stored


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (CRITERIA | {"reason": "why", "field": "final"}, {
            "why": {"type": "string"},
            **{name: {"type": "string", "enum": ["yes", "no"]} for name in CRITERIA["criteria"]},
            "final": {"type": "string", "enum": ["yes", "no"]},
        }),
        (LABELS, {"label": {"type": "string", "enum": ["helpful", "evasive", "rude"]}}),
        ({"range": [1, 3]}, {"score": {"type": "integer", "enum": [1, 2, 3]}}),
        ({"range": [0, 100], "field": "risk"},
         {"risk": {"type": "number", "description": "from 0 to 100"}}),
    ],
)  # fmt: skip
def test_every_form_has_a_schema(verdict, expected):
    schema = judge(verdict).form.to_response_format()["json_schema"]["schema"]
    assert schema["properties"] == expected
    assert schema["required"] == list(expected)


@given(st.text(st.sampled_from('<>/criteria_123 \n\t-`{}":yesno,|')))
def test_rubbish_is_a_vote_or_says_why_it_is_none(text):
    for verdict in (CRITERIA, LABELS, RANGE, None):
        vote = read(text, verdict)
        assert vote.fault is not None or vote.value is None or 0 <= vote.value <= 1


@given(st.lists(st.booleans(), min_size=3, max_size=3), st.text(), st.text())
def test_criteria_in_json_are_found_whatever_stands_in_its_strings(met, before, after):
    fields = {ONE: met[0], "note": before, TWO: met[1], THREE: met[2], "more": after}
    assert read(json.dumps(fields), CRITERIA).value == pytest.approx(sum(met) / 3)
