"""Stages as people read them: the answers of each model first, then each judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiment.definition import SUBJECT

Json = Mapping[str, Any]


def name_stage(stage: str) -> str:
    """Return what a stage is to people."""
    return "answers" if stage == SUBJECT else f"judge {stage}"


def name_model(row: Json) -> str:
    """Return the model of a stratum or a stage with its provider, as all sections name it."""
    return f"{row['provider']}/{row['model']}"


def order_by_stage(rows: Sequence[Json]) -> list[Json]:
    """Return strata or stages by stage and model: answers first, then judges, each in its order."""
    models = list(dict.fromkeys(map(_find_stage, rows)))
    models.sort(key=lambda each: each[0] != SUBJECT)
    return sorted(rows, key=lambda each: models.index(_find_stage(each)))


def _find_stage(row: Json) -> tuple[str, str, str]:
    return row["stage"], row.get("provider", ""), row["model"]
