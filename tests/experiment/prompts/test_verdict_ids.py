"""Verdict ids: a verdict is its job, its judge and its vote, whatever its template renders."""

from __future__ import annotations

from itertools import count

import pytest

from experiment.definition.schema import AnswerFormat
from experiment.prompts.rendering.templates import Templates
from experiment.scoring.answer import Answer, read_answer
from experiment.scoring.completion import Completion
from tests.experiment.text_answers import text_answer

ANSWER = text_answer("said", "thought", accepted=True)
JUDGE = {
    "name": "grade",
    "model": "gpt-5",
    "messages": [
        {"role": "system", "content": "{% if output %}{{ file('rules.md') }}{% endif %}"},
        {"role": "user", "content": "Grade: {{ output }}"},
    ],
    "sampling": {"max_tokens": 3},
    "samples": 2,
}


@pytest.fixture
def ids(made, tmp_path):
    """Return the ids of a job's verdicts, of an experiment with this judge."""
    (tmp_path / "rules.md").write_text("{{ raw('scale.md') }} Be fair.")
    (tmp_path / "scale.md").write_text("1 to 5.")

    def list_ids(answer: Answer | None = ANSWER, *, position: int = 0, **changes) -> list[str]:
        requests = made(tmp_path, judges=[JUDGE | changes])
        subject = requests.request_at("seed", position)
        return [each.id for each in requests.build_judge_requests(subject, answer)]

    return list_ids


def test_a_verdict_has_the_same_id_whatever_is_rendered_the_second_time(ids, monkeypatch):
    render, drawn = Templates.render, count()

    def render_another(self, text, variables, where, condition=""):
        rendered = render(self, text, variables, where, condition)
        return f"{rendered} {next(drawn)}" if where.startswith("judges") else rendered

    first = ids()
    monkeypatch.setattr(Templates, "render", render_another)
    assert ids() == first
    assert next(drawn) > 0


def test_every_vote_job_and_judge_has_an_id_of_its_own(ids):
    found = [*ids(), *ids(position=1), *ids(name="other"), *ids(model="gpt-4o")]
    assert len(set(found)) == len(found) == 8


@pytest.mark.parametrize("file", ["rules.md", "scale.md"])
def test_an_id_changes_with_a_file_that_the_judge_names(ids, tmp_path, file):
    first = ids()
    (tmp_path / file).write_text("Otherwise.")
    assert not set(ids()) & set(first)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": {"max_tokens": 4}},
        {"sampling": {"max_tokens": 3, "temperature": 0}},
        {"messages": [{"role": "user", "content": "Grade: {{ output }} "}]},
        {"messages": [{"role": "user", "content": "Grade: {{ output }}"}]},
    ],
)
def test_an_id_changes_with_the_judges_definition(ids, changes):
    assert not set(ids(**changes)) & set(ids())


def test_an_id_changes_with_the_answer_that_is_judged(ids):
    others = [
        text_answer("said more", "thought", accepted=True),
        text_answer("said", "", accepted=True),
        None,
    ]
    found = [*ids(), *(each for other in others for each in ids(other))]
    assert len(set(found)) == len(found)


def test_an_id_does_not_change_with_what_decides_no_verdict(ids):
    assert ids(when="answered", again=2) == ids()


@pytest.mark.parametrize("native", ["", "shown apart"])
@pytest.mark.parametrize("text", ["said", "<think>hm</think>said", "hm</think>said"])
def test_a_verdict_on_an_answer_of_before_has_the_id_that_it_had(ids, native, text):
    of_before = text_answer(text)  # all of the text was the output, and nothing else was read
    answer = read_answer(Completion(text, reasoning=native), AnswerFormat())
    assert ids(answer) == ids(of_before)


def test_an_id_changes_with_the_reasoning_and_the_refusal_of_an_answer_of_today(ids):
    shown = {"reasoning": "hm", "reasoning_form": "native"}
    found = [
        ids(read_answer(Completion("said", **fields), AnswerFormat()))
        for fields in ({}, shown, shown | {"reasoning": "well"})
    ]
    assert len({each for one in found for each in one}) == 6


def test_a_judge_is_given_the_kind_the_refusal_and_all_reasoning(made, tmp_path):
    told = "{{ kind }} | {{ output }} | {{ refusal }} | {{ reasoning }}"
    asked = JUDGE | {"messages": [{"role": "user", "content": told}], "samples": 1}
    requests = made(tmp_path, judges=[asked], answer={"refused": "judged"})
    subject = requests.request_at("seed", 0)
    texts = []
    for completion in (
        Completion("<think>b</think>Yes.", reasoning="a", reasoning_form="summary"),
        Completion("", refusal="I can't."),
    ):
        answer = requests.read_subject_answer(subject, completion)
        (sent,) = requests.build_judge_requests(subject, answer)
        texts.append(sent.messages[0].content)
    assert texts == ["text | <Yes. |  | a\n\nb", "refused |  | I can't. | "]


@pytest.mark.parametrize(
    ("asks", "depends"),
    [
        ("{{ output }}", set()),
        ("{{ pays }} {{ output }}", {"pays"}),
        ("{{ query }} {{ output }}", {"query"}),
        ("{{ file('used.md') }} {{ output }}", {"pays"}),
        ("{{ raw('used.md') }} {{ output }}", set()),  # it is not rendered
        ("{{ file(named) }} {{ output }}", {"pays", "named", "spare", "query"}),
    ],
)
def test_an_id_changes_with_what_the_judge_is_told_of_the_condition_and_the_query(
    made, tmp_path, asks, depends
):
    (tmp_path / "used.md").write_text("It pays: {{ pays }}")
    judge = JUDGE | {"messages": [{"role": "user", "content": asks}], "samples": 1}
    alike = [{"role": "user", "content": "The same for all."}]

    def verdict(query="one", **changes):
        level = {"pays": "no", "named": "used.md", "spare": "1"} | changes
        requests = made(
            tmp_path,
            queries=(query,),
            messages=alike,
            factors={"tier": {"free": level}},
            judges=[judge],
        )
        (subject,) = requests.all_subject_requests()
        return [each.id for each in requests.build_judge_requests(subject, ANSWER)]

    (tmp_path / "other.md").write_text("It pays: {{ pays }}")
    changes = {
        "query": {"query": "two"},
        "pays": {"pays": "yes"},
        "named": {"named": "other.md"},
        "spare": {"spare": "2"},
    }
    first = verdict()
    assert {name for name, each in changes.items() if verdict(**each) != first} == depends
