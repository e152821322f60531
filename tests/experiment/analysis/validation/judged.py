"""Answers that judges have rated, for the tests of this folder."""

from __future__ import annotations

from experiment.analysis.observation import Observation
from experiment.analysis.validation.ratings import RatingTable, tabulate_ratings
from experiment.definition.schema import ExperimentSpec
from experiment.scoring import JudgeReading
from experiment.scoring.completion import AnswerKind

TEXT = AnswerKind.TEXT


def make_spec(*judges: str, models=("m",), means=None, **fields) -> ExperimentSpec:
    """Make an experiment of two tiers; `means`: judge -> what its positive value says."""
    made = {
        "name": "made",
        "models": list(models),
        "factors": {"tier": {"free": {}, "paid": {}}},
        "queries": {"file": "q.txt"},
        "messages": [{"role": "user", "content": "x"}],
        "sampling": {"max_tokens": 1},
        "judges": [
            {
                "name": name,
                "model": "gpt-5",
                "messages": [{"role": "user", "content": "x"}],
                "sampling": {"max_tokens": 3},
            }
            | ({"verdict": {"field": "v", "means": means[name]}} if name in (means or {}) else {})
            for name in judges
        ],
    }
    return ExperimentSpec.model_validate(made | fields)


def answer(tier, query, *, accepted=None, sample=0, model="m", kind=TEXT, **values) -> Observation:
    """Make an answer; `values`: judge -> value, or (value, votes), or (value, votes, weight)."""
    readings = {judge: _read(given) for judge, given in values.items()}
    name = f"{model}.{tier}.{query}.{sample}"
    return Observation(model, {"tier": tier}, query, sample, kind, accepted, readings, request=name)


def tabulate(spec: ExperimentSpec, seen: list[Observation]) -> RatingTable:
    return tabulate_ratings(spec, seen, "tier")


def _read(given) -> JudgeReading:
    value, votes, *weight = given if isinstance(given, tuple) else (given, int(given is not None))
    return JudgeReading(None if value is None else float(value), votes, "", *weight)
