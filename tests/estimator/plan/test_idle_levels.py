"""Levels that send a model the same requests are named, and no others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from estimator.plan.idle_levels import list_idle_levels
from estimator.workload import SentUse
from experiment.definition import cross_factors
from tests.estimator.forecast.planned_models import Planned, spec_of

COLD, HOT = {"sampling": {"temperature": 0}}, {"sampling": {"temperature": 1}}


def warn(factors, sent):
    """List the warnings of an experiment that sends each condition these fields."""
    spec = spec_of(factors=factors)
    experiment = SimpleNamespace(spec=spec, conditions=lambda: cross_factors(spec))
    uses = [SentUse("subject", "m", (name,), fields, ()) for name, fields in sent.items()]
    return list(list_idle_levels(experiment, {"m": Planned(None)}, uses))


def test_levels_that_send_the_same_are_named():
    (text,) = warn({"heat": {"cold": COLD, "hot": HOT}}, {"cold": {}, "hot": {}})
    assert text.startswith("lab/m: levels cold, hot of heat send the same requests, and")


@pytest.mark.parametrize(
    ("factors", "sent"),
    [
        ({"heat": {"cold": COLD, "hot": HOT}}, {"cold": {"temperature": 0}, "hot": {}}),
        ({"heat": {"cold": COLD | {"word": "a"}, "hot": HOT}}, {"cold": {}, "hot": {}}),
        ({"tier": {"free": {}, "paid": {}}}, {"free": {}, "paid": {}}),
    ],
)
def test_levels_that_differ_in_a_field_or_a_variable_are_not(factors, sent):
    assert warn(factors, sent) == []


def test_only_the_conditions_that_are_the_same_are_named():
    think = {"on": {"sampling": {"reasoning": "low"}}, "off": {"sampling": {"reasoning": "off"}}}
    sent = {
        "cold/on": {"effort": "low"},
        "hot/on": {"effort": "low"},
        "cold/off": {"temperature": 0},
        "hot/off": {"temperature": 1},
    }
    (text,) = warn({"heat": {"cold": COLD, "hot": HOT}, "think": think}, sent)
    assert "levels cold, hot of heat send the same requests in cold/on, hot/on, and" in text
