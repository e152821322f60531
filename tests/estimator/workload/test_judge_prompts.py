"""Judge prompts: what is reserved for them covers every part of an answer that they may contain."""

from __future__ import annotations

import pytest

from estimator.workload.judge_prompts import count_answer_occurrences, judge_prompt_bound
from experiment.scoring.completion import Completion
from tests.runner import sample_experiment as lab

REASONED = Completion("one two three", reasoning="four five " * 4, reasoning_form="native")
JUDGED = {"refused": "judged", "truncated": "judged", "empty": "judged", "filtered": "judged"}


def make(folder, template, **answer):
    return lab.make(folder, judge_prompt=template, answer=answer)


@pytest.mark.parametrize(
    ("template", "counted", "judged"),
    [
        ("{{ query }} {{ output }}", (1, 0), (1, 0)),
        ("{{ output }} {{ reasoning }} {{ output }}", (2, 1), (2, 1)),
        ("{{ kind }}: {{ output or refusal }}", (1, 0), (1, 0)),
        (
            "{% if refusal %}{{ refusal }} {{ refusal }}{% else %}{{ output }}{% endif %}",
            (1, 0),
            (2, 0),
        ),
        (
            "{% if kind == 'refused' %}{{ refusal }}{% else %}{{ output }}{{ output }}{% endif %}",
            (2, 0),
            (2, 0),
        ),
    ],
)
def test_a_prompt_is_counted_with_the_parts_that_its_judge_may_be_given(
    tmp_path, template, counted, judged
):
    for answer, expected in (({}, counted), (JUDGED, judged)):
        made = make(tmp_path / str(len(answer)), template, **answer)
        found = count_answer_occurrences(made.requests)
        assert found == {"compliance": expected}


@pytest.mark.parametrize(
    ("completion", "template"),
    [
        (REASONED, "See {{ reasoning }}"),
        (REASONED, "{{ output }} {{ reasoning }}"),
        (Completion("<think>four five six</think>one two"), "{{ output }} {{ reasoning }}"),
        (Completion("<think>one two three", "length"), "{{ kind }} {{ output }} {{ reasoning }}"),
        (Completion("", refusal="I will not do that."), "{{ kind }} {{ output }}{{ refusal }}"),
    ],
)
def test_what_is_reserved_covers_an_answer_in_all_its_parts(tmp_path, completion, template):
    made = make(tmp_path, template, **JUDGED)
    subject = made.subjects()[0]
    model = made.models[lab.MODEL]
    (blank,) = made.requests.build_judge_requests(subject, None)
    occurrences = count_answer_occurrences(made.requests)["compliance"]
    counted = model.count_request(blank)
    bound = judge_prompt_bound(counted, max(occurrences), model, subject, model)
    (sent,) = made.judges_of(subject, completion)
    assert counted.tokens < model.count_request(sent).bound <= bound
