"""What differs between two plans is named, and nothing else."""

from __future__ import annotations

from runner.watching import have_same_queries, list_differences
from tests.runner.recorded_run import MODELS, make_run


def make(tmp_path, name, **changes):
    return make_run(tmp_path / name, **changes).folder


def test_the_same_experiment_differs_in_nothing(tmp_path):
    both = make(tmp_path, "one"), make(tmp_path, "other")
    assert list_differences(*both) == []
    assert have_same_queries(*both)


def test_models_queries_samples_and_lengths_are_compared(tmp_path):
    one = make(tmp_path, "one", queries=3)
    other = make(
        tmp_path,
        "other",
        queries=4,
        models=MODELS[:1],
        samples=2,
        sampling={"temperature": 1.0, "max_tokens": 77},
    )
    found = {each.what: (each.first, each.second) for each in list_differences(one, other)}
    assert found["models"] == (", ".join(MODELS), MODELS[0])
    assert found["queries"] == ("3", "4, 1 of them only here")
    assert found["samples"][1] == "2"
    assert found["max_tokens"][1].startswith("subjects 77")
    assert not have_same_queries(one, other)
