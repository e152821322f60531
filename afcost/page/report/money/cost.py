"""Where the money went: stages of each model, and each stratum beside its forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afcost.page.charts.chart import Chart
from afcost.page.report.money.cost_charts import draw_stages, draw_strata
from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.page.shell.stages import name_model, name_stage, order_by_stage
from afcost.rendering.run_summary import describe_course
from estimator.forecast import LEVELS
from estimator.processing import Way
from experiment.definition import SUBJECT

_WAYS: dict[str, str] = {Way.CALLS: "calls", Way.FLEX: "calls at flex", Way.BATCH: "batches"}

Document = Mapping[str, Any]


def compose_cost(page: ReportPage) -> PageSection:
    """Return the section."""
    document = page.figures.document
    is_complete = document["outcome"] == "complete"
    charts = {"stages": draw_stages(document), "strata": draw_strata(document)}
    drawn: dict[str, Chart] = {name: each for name, each in charts.items() if each is not None}
    return PageSection(
        "cost",
        "Cost",
        "report/money/cost.html.j2",
        {
            "stages": _number(document["stages"]),
            "strata": _number(document["strata"]),
            "has_judges": any(each["stage"] != SUBJECT for each in document["stages"]),
            "has_ranges": bool(document["forecast"]["run"]["strata"]),
            "batching": document["batching"],
            "batches": document["batches"],
            "asked": [_describe_ways(each["asked"]) for each in document["strata"]],
            "course": lambda batch: describe_course([batch]),
            "caching": document["caching"],
            "name_stage": name_stage,
            "name_model": name_model,
            "is_complete": is_complete,
            "levels": _list_levels(document) if is_complete else [],
        },
        drawn,
    )


def _describe_ways(counts: Mapping[str, int]) -> str:
    """Return how a stratum was asked; empty where all of it was by calls."""
    used = [way for way, count in counts.items() if count]
    return "" if used in ([], [Way.CALLS]) else ", ".join(_WAYS[way] for way in used)


def _number(rows: list[dict[str, Any]]) -> list[tuple[int, Document]]:
    """Return rows by stage and model, each with its number in the document."""
    numbers = {id(each): number for number, each in enumerate(rows)}
    return [(numbers[id(each)], each) for each in order_by_stage(rows)]


def _list_levels(document: Document) -> list[dict[str, Any]]:
    """Return the ranges that the plan's forecast has, from the narrowest to the widest."""
    forecast = document["forecast"]
    levels = {level: ends for level, ends in LEVELS.items() if ends[0] in forecast}
    return [
        {"level": level, "low": low, "high": high, "inside": forecast["levels"][str(level)]}
        for level, (low, high) in levels.items()
        if str(level) in (forecast["levels"] or {})
    ]
