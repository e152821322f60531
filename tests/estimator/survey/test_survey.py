"""A survey counts in blocks, also in several processes, and comes to what is counted in order."""

from __future__ import annotations

import sys
from datetime import date

import pytest

from estimator.errors import DoesNotFit
from estimator.survey import survey_experiment
from estimator.workload import count_workload, load_price_book, resolve_models
from experiment.definition import load_experiment

DAY = date(2026, 11, 21)
LEVELS = "factors: {who: {me: {who: me, n: 3, pre: '<'}, you: {who: you, n: 4, pre: ''}}}\n"
JUDGE = (
    "{{name: j, model: openai/gpt-4o-mini, {}, sampling: {{max_tokens: 9}}, "
    "messages: [{{role: user, content: '{}'}}]}}"
)
CASES = {
    "plain": ("{{ query }} {{ who }}", JUDGE.format("samples: 2", "{{ output }} {{ query }}"), ""),
    "filters": ("{{ query|upper }}", JUDGE.format("samples: 1", "J {{ output|upper }}"), ""),
    "columns": ("{{ row.topic }} {{ row['goal'] }}", JUDGE.format("when: always", "x"), ""),
    "drawn": ("{{ query }}", JUDGE.format("when: {rest: 0.4}", "{{ fence }}"), "samples: 2\n"),
    "joint": (
        "{{ query }}",
        JUDGE.format("samples: 3, one_request: true", "{{ kind }}{{ output }}"),
        "samples: 2\nanswer: {turns: 3, go_on: go on}\n",
    ),
    "repeated": ("the same for {{ who }}", JUDGE.format("samples: 1", "{{ query }}"), ""),
    "repeated and drawn": ("the same", JUDGE.format("when: {rest: 0.4}", "{{ query }}"), ""),
    "line ends": ("a\\r\\n{{ query }}\\r\\n{{ n }}", JUDGE.format("samples: 1", "é"), ""),
    "a file for each": ("{{ file(row.topic ~ '.md') }}", JUDGE.format("samples: 1", "x"), ""),
}


@pytest.fixture
def given(tmp_path):
    """Return an experiment with this user message, judge and further lines, and its models."""

    def build(user="{{ query }}", judge="", more="", queries=300, limit=50):
        rows = "".join(f"{n} é ask,{'ab'[n % 2]}\n" for n in range(queries))
        (tmp_path / "q.csv").write_text(f"goal,topic\n{rows}", encoding="utf-8")
        (tmp_path / "a.md").write_text("file a {{ who }}")
        (tmp_path / "b.md").write_text("file b {{ query }}")
        path = tmp_path / "experiment.yaml"
        path.write_text(
            f"name: n\nmodels: [llama-3.1-8b, openai/gpt-4o]\n{LEVELS}{more}"
            "queries: {file: q.csv, column: goal}\n"
            f"sampling: {{max_tokens: {limit}}}\n"
            f'messages: [{{role: user, content: "{user}"}}, '
            "{role: assistant, content: '{{ pre }}'}]\n"
            f"judges: [{judge}]\n",
            encoding="utf-8",
        )
        experiment = load_experiment(str(path))
        return experiment, resolve_models(experiment, load_price_book(DAY, experiment), DAY)

    return build


@pytest.mark.parametrize("case", CASES)
def test_blocks_come_to_what_is_counted_in_order(case, given):
    experiment, models = given(*CASES[case])
    blocks, in_order = survey_experiment(experiment, models), count_workload(experiment, models)
    assert blocks == in_order
    assert list(blocks.tallies) == list(in_order.tallies)


def test_processes_come_to_what_one_counts(given):
    experiment, models = given(*CASES["plain"], queries=2000)
    told = []
    found = survey_experiment(
        experiment, models, on_progress=lambda *each: told.append(each), processes=2
    )
    assert found == survey_experiment(experiment, models, processes=1)
    assert told == sorted(told)
    assert told[-1] == (24_000, 24_000), "two models, two levels, a subject and two votes"


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/cat"])
def test_what_a_process_does_not_give_back_is_counted_here(program, given, monkeypatch):
    experiment, models = given(*CASES["plain"])
    expected = survey_experiment(experiment, models, processes=1)
    monkeypatch.setattr(sys, "executable", program)
    assert survey_experiment(experiment, models, processes=3) == expected


def test_the_first_request_that_does_not_fit_is_named(given):
    long = "{{ query }} {{ 'x ' * 140000 if who == 'you' else '' }}"
    experiment, models = given(long, JUDGE.format("samples: 1", "x"), queries=3)
    with pytest.raises(DoesNotFit, match="condition you, query 0"):
        survey_experiment(experiment, models)
