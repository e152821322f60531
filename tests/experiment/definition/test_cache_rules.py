"""`cache`: of all, of a model, of a judge; what is stored of it, and what is no rule."""

import pytest

from experiment.definition import SUBJECT
from experiment.definition.loader import load_experiment
from experiment.definition.schema import read_stored_spec
from experiment.errors import BadExperiment
from tests.runner import sample_experiment as lab

OTHER = {"name": "my-lab/other", "cache": "off"}


def read(tmp_path, **changes):
    return load_experiment(str(lab.write(tmp_path / "e", **changes))).spec


def test_a_models_and_a_judges_own_rule_come_first(tmp_path):
    spec = read(tmp_path, cache="auto", models=[lab.MODEL, OTHER])
    assert spec.find_cache_rule(SUBJECT, lab.MODEL) == "auto"
    assert spec.find_cache_rule(SUBJECT, "my-lab/other") == "off"
    assert spec.find_cache_rule("compliance", lab.MODEL) == "auto"
    judge = spec.judges[0].model_copy(update={"cache": "off"})
    own = spec.model_copy(update={"judges": (judge,)})
    assert own.find_cache_rule("compliance", lab.MODEL) == "off"
    assert spec.says_more_of(["my-lab/other"])
    assert not spec.says_more_of([lab.MODEL])


def test_it_is_stored_only_where_it_is_written(tmp_path):
    plain, cached = read(tmp_path), read(tmp_path, cache="auto", models=[lab.MODEL, OTHER])
    assert "cache" not in plain.to_stored()
    assert "cache" not in plain.to_stored()["judges"][0]
    assert read_stored_spec(cached.to_stored()) == cached


@pytest.mark.parametrize("rule", ["always", "yes", "1h", 3])
def test_another_word_is_refused_where_it_stands(tmp_path, rule):
    with pytest.raises(BadExperiment, match=r"cache: .*'auto' or 'off'"):
        read(tmp_path, cache=rule)


def test_a_mark_of_ones_own_is_refused_and_the_way_to_it_said(tmp_path):
    with pytest.raises(BadExperiment, match="`cache: auto`"):
        read(tmp_path, sampling={"max_tokens": 9, "cache_control": {"type": "ephemeral"}})
