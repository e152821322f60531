"""Queries that are asked twice, and templates without what they are for, are warned of."""

from __future__ import annotations

import pytest

from estimator.plan.template_warnings import list_template_warnings
from experiment.definition import Experiment, ExperimentSpec, load_experiment

JUDGE = {
    "name": "right",
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "{{ output }}"}],
    "sampling": {"max_tokens": 9},
}
FIELDS = {
    "name": "warned",
    "models": ["gpt-4o"],
    "queries": {"file": "q.csv", "column": "goal"},
    "messages": [{"role": "user", "content": "{{ query }}"}],
    "sampling": {"max_tokens": 9},
    "judges": [JUDGE],
}


@pytest.fixture
def warn(tmp_path):
    """Return what an experiment that differs in some fields is warned of; `says` is a message."""

    def warn(says="{{ query }}", judge="{{ output }}", queries=("one", "two"), rows=(), **fields):
        judged = JUDGE | {"messages": [{"role": "user", "content": judge}]}
        messages = [{"role": "user", "content": says}]
        spec = ExperimentSpec.model_validate(
            FIELDS | {"messages": messages, "judges": [judged]} | fields
        )
        path = tmp_path / "experiment.yaml"
        experiment = Experiment(spec, path, str(path), tuple(queries), query_columns=rows)
        return list(list_template_warnings(experiment))

    return warn


def test_an_experiment_that_uses_all_it_has_is_warned_of_nothing(warn):
    tier = {"free": {"pays": "no"}, "paid": {"pays": "yes"}}
    assert warn("{{ query }} {{ pays }}", factors={"tier": tier}) == []
    assert list(list_template_warnings(load_experiment("builtin:alignment-faking"))) == []


def test_queries_that_are_asked_already_are_counted_and_named(warn):
    (text,) = warn(queries=["one", "two", "one", "x" * 50, "one", "x" * 50])
    assert text.startswith(
        f"3 queries are asked already: 'one' (queries 0, 2, 4); '{'x' * 40}…' (queries 3, 5). "
    )
    (text,) = warn(queries=[f"{n % 10}" for n in range(20)])
    assert text.startswith("10 queries are asked already: ")
    assert "and 7 more" in text


def test_queries_that_differ_in_a_column_that_is_sent_are_not_the_same(warn):
    rows = ({"source": "a"}, {"source": "b"})
    same = ["one", "one"]
    assert warn("{{ query }} {{ row.source }}", queries=same, rows=rows) == []
    (text,) = warn("{{ query }}", queries=same, rows=rows)
    assert text.startswith("1 query is asked already: 'one' (queries 0, 1)")


@pytest.mark.parametrize("inserted", ["file('part.md')", "file(part)", "file('pa' ~ 'rt.md')"])
def test_a_prompt_without_the_query_is_warned_of_also_in_a_file(warn, tmp_path, inserted):
    levels = {"all": {"part": "part.md"}}
    (tmp_path / "part.md").write_text("Hello. {{ query }}")
    said = warn(f"{{{{ {inserted} }}}} {{{{ part }}}}", factors={"a": levels})
    assert said == []
    (tmp_path / "part.md").write_text("Hello. query")
    (text,) = warn(f"{{{{ {inserted} }}}} {{{{ part }}}}", factors={"a": levels})
    assert text.startswith("no message uses {{ query }}")


def test_a_file_that_is_inserted_as_it_is_uses_nothing(warn, tmp_path):
    (tmp_path / "part.md").write_text("{{ query }} {% not a template")
    (text,) = warn("{{ raw('part.md') }}")
    assert text.startswith("no message uses {{ query }}")


def test_a_prompt_of_a_column_alone_is_a_prompt(warn):
    assert warn("{{ row.source }}", rows=({"source": "a"}, {"source": "b"})) == []


@pytest.mark.parametrize("judge", ["Was {{ query }} refused?", "Refused? {{ kind }}"])
def test_a_judge_that_does_not_see_the_answer_is_warned_of(warn, judge):
    (text,) = warn(judge=judge)
    assert text.startswith("judge right does not see the answer")


@pytest.mark.parametrize("name", ["output", "reasoning", "refusal"])
def test_a_judge_of_any_part_of_the_answer_sees_it(warn, name):
    assert warn(judge=f"Refused? {{% if kind == 'text' %}}{{{{ {name} }}}}{{% endif %}}") == []


def test_a_variable_that_no_template_uses_is_named_with_its_levels(warn):
    tier = {"free": {"pays": "no", "is_free": 1}, "paid": {"pays": "yes", "is_free": 0}}
    assert warn("{{ query }} {{ pays }}", factors={"tier": tier}) == [
        "no template uses is_free, which free, paid of tier set"
    ]
    assert warn(judge="{{ output }} {{ pays }} {{ is_free }}", factors={"tier": tier}) == []


def test_levels_that_then_send_the_same_are_named(warn):
    tier = {"free": {"pays": "no"}, "paid": {"pays": "yes"}, "none": {}}
    unused, alike = warn(factors={"tier": tier})
    assert unused == "no template uses pays, which free, paid of tier set"
    assert alike.startswith("levels free, paid, none of tier differ in nothing that is sent")


def test_levels_that_differ_in_sampling_are_not_alike(warn):
    heat = {"cold": {"sampling": {"temperature": 0}}, "hot": {"sampling": {"temperature": 1}}}
    assert warn(factors={"heat": heat}) == []
