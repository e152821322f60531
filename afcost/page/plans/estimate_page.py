"""An estimate as a page: what it will cost, at which provider, and what that rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Margins, Row, Scale, draw_dots, scale_dollars
from afcost.page.charts.names import fit_names
from afcost.page.plans.design_sections import compose_curves
from afcost.page.shell.document import embed_json, render_document
from afcost.page.shell.figures import Figures, read_document
from afcost.page.shell.sections import PageSection
from afcost.page.shell.sentences import join_words
from afcost.page.shell.stages import name_model, name_stage, order_by_stage
from afcost.rendering.console import format_count, format_dollars
from afcost.rendering.wall_time_view import describe_bound
from estimator.design import StudyDesign
from estimator.plan import Estimate, estimate_to_json
from estimator.wall_time import PlanTime
from experiment.definition import SUBJECT

_WIDE, _NARROW = Margins(190, 66), Margins(150, 60)


def render_estimate_page(
    estimate: Estimate,
    plan_path: Path | None,
    design: StudyDesign | None,
    time: PlanTime | None = None,
) -> str:
    """Return an estimate as one HTML file.

    Args:
        estimate: to show.
        plan_path: the saved plan file, if any.
        design: what money could show; None where the experiment compares nothing.
        time: how long its requests take; None where that is not known.

    Raises:
        MissingExtra: charts cannot be drawn here.
    """
    document = read_document(estimate_to_json(estimate, plan_path, time))
    sections = [
        _compose_summary(estimate, document, time),
        *_compose_providers(estimate, document),
        *([compose_curves(design, "the upper end of this plan's 90% range")] if design else []),
        _compose_basis(document),
    ]
    return render_document(
        "sections.html.j2",
        scripts=("tips.js",),
        title=f"{estimate.plan.name}: estimate – afcost",
        sections=sections,
        figures=Figures(document),
        data=embed_json(document),
    )


def _compose_summary(
    estimate: Estimate, document: dict[str, Any], time: PlanTime | None
) -> PageSection:
    plan, spec = estimate.plan, estimate.experiment.spec
    return PageSection(
        "summary",
        "Summary",
        "plans/summary.html.j2",
        {
            "title": spec.title or plan.name,
            "name": plan.name,
            "asked": _describe_size(estimate),
            "day": _format_day(estimate.run_date),
            "warnings": plan.warnings,
            "bound": describe_bound(time) if time else "",
            "no_limits": time is not None and not time.has_limits,
            "groups": document["groups"],
            "name_stage": name_stage,
            "bases": sorted({each.basis for each in plan.strata}),
        },
        {"groups": draw_groups(document)},
    )


def draw_groups(document: dict[str, Any]) -> Chart:
    """Return the chart of what each stage of each model costs, with its 90 % range."""
    rows: list[Row] = []
    groups = order_by_stage(document["groups"])
    for stage, found in groupby(groups, key=lambda each: each["stage"]):
        rows.append(Row(name_stage(stage), is_heading=True))
        rows += [_make_row(each["model"], each) for each in found]
    rows += [Row("total", is_heading=True), _make_row("all calls", document["total"])]
    return _draw("cost", rows, scale_dollars(rows))


def _draw(name: str, rows: list[Row], scale: Scale) -> Chart:
    wide, narrow = (fit_names(rows, each.left) for each in (_WIDE, _NARROW))
    return draw_dots(name, wide, scale, margins=_WIDE, narrow=_NARROW, narrow_rows=narrow)


def _make_row(name: str, figures: Mapping[str, Any]) -> Row:
    cost = {key: float(value) for key, value in figures["cost_usd"].items()}
    likely, low, high = cost["mean"], cost["q05"], cost["q95"]
    interval = f"{format_dollars(low)} – {format_dollars(high)}"
    return Row(
        name,
        value=likely,
        range_low=low,
        range_high=high,
        text=format_dollars(likely),
        tip=f"{name}: likely {format_dollars(likely)}\n90% range {interval}\n"
        f"at most {format_dollars(cost['ceiling'])}",
    )


def _compose_providers(estimate: Estimate, document: dict[str, Any]) -> list[PageSection]:
    """Return the section on other providers; none where no other is known."""
    if not document["elsewhere"]:
        return []
    chart = draw_providers(estimate, document)
    values = {"elsewhere": document["elsewhere"]}
    return [
        PageSection(
            "providers", "Providers", "plans/providers.html.j2", values, {"providers": chart}
        )
    ]


def draw_providers(estimate: Estimate, document: dict[str, Any]) -> Chart:
    """Return the chart of what the subjects' calls would cost elsewhere, cheapest first."""
    rows: list[Row] = []
    here = {each["model"]: each for each in document["groups"] if each["stage"] == SUBJECT}
    for written in estimate.experiment.spec.models:
        name = estimate.plan.models[written].name
        quoted = [
            (each["provider"], float(each["cost_usd"]))
            for each in document["elsewhere"]
            if each["model"] == str(name)
        ]
        planned = (name.provider, float(here[str(name)]["cost_usd"]["mean"]))
        rows.append(Row(name.short_name, is_heading=True))
        rows += [
            Row(
                provider + (" (planned)" if (provider, cost) == planned else ""),
                value=cost,
                is_hollow=(provider, cost) != planned,
                text=format_dollars(cost),
                tip=f"{name.short_name} at {provider}: {format_dollars(cost)}",
            )
            for provider, cost in sorted([planned, *quoted], key=lambda each: each[1])
        ]
    return _draw("providers", rows, scale_dollars(rows))


def _compose_basis(document: dict[str, Any]) -> PageSection:
    return PageSection(
        "basis",
        "What it rests on",
        "plans/basis.html.j2",
        {
            "strata": document["strata"],
            "name_stage": name_stage,
            "name_model": name_model,
            "priced": _list_priced(document["strata"]),
            "sent": [(each, _list_fields(each["fields"])) for each in document["requests_sent"]],
            "assumptions": document["assumptions"],
        },
    )


def _list_fields(fields: dict[str, Any]) -> str:
    """Return the fields of a request as they are sent: what is no plain value as JSON."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in fields.items()
    )


def _list_priced(strata: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return the first stratum of each model, with its number: a model has one price."""
    first: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for number, each in enumerate(strata):
        first.setdefault((each["provider"], each["model"]), (number, each))
    return list(first.values())


def _describe_size(estimate: Estimate) -> str:
    """Return how large the experiment is: `60 queries, each put to 2 models in 4 conditions`."""
    experiment, spec = estimate.experiment, estimate.experiment.spec
    parts = [
        format_count(len(experiment.queries), "query, put", "queries, each put"),
        f" {spec.samples:,} times" if spec.samples > 1 else "",
        f" to {format_count(len(spec.models), 'model', 'models')}",
        f" in {format_count(len(list(experiment.conditions())), 'condition', 'conditions')}",
    ]
    judged = [
        f"{each.name} ({format_count(each.samples, 'vote', 'votes')})" for each in spec.judges
    ]
    return "".join(parts) + (f"; judged by {join_words(judged)}" if judged else "")


def _format_day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
