"""An estimate on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.rendering import console as draw
from afcost.rendering.command_lines import (
    Advice,
    name_command,
    name_place,
    print_advice,
    round_up_to_cents,
)
from afcost.rendering.estimate.estimate_table import FIGURES, build_rows, name_columns
from afcost.rendering.estimate.footnotes import (
    describe_changes,
    describe_test,
    list_caching,
    list_output_notes,
    print_footnotes,
)
from afcost.rendering.study_view import (
    add_progress,
    describe_progress,
    find_likely_cap,
    show_progress,
)
from afcost.rendering.wall_time_view import describe_time
from estimator.count_cache import default_cache
from estimator.plan import Estimate, estimate_to_json
from estimator.wall_time import PlanTime
from pricing.money import Money

if TYPE_CHECKING:  # a first estimate imports nothing that runs
    from estimator.processing import LaterStart
    from runner.launch import StudyProgress


@dataclass(frozen=True, slots=True)
class EstimateView:
    """How an estimate is displayed."""

    output_format: str
    by_condition: bool
    raw: bool = False
    run_dir: Path | None = None
    by: datetime | None = None
    later: LaterStart | None = None


def show_estimate(
    estimate: Estimate,
    output: Path | None,
    view: EstimateView,
    progress: StudyProgress | None = None,
    time: PlanTime | None = None,
) -> None:
    """Print an estimate in the form that was asked for.

    Args:
        estimate: what to print.
        output: the saved plan file, if any.
        view: the form.
        progress: of its study; None where that has no ledger yet.
        time: how long its requests take, those that are left; None where that is not known.
    """
    match view.output_format:
        case "json":
            _show_json(estimate, output, view, progress, time)
        case "csv":
            header, rows = _build_table(estimate, view)
            click.echo(draw.format_csv(header, rows, raw=view.raw), nl=False)
        case "md":
            _show_markdown(estimate, view, progress, time)
        case _:
            _show_text(estimate, output, view, progress, time)


def _build_table(estimate: Estimate, view: EstimateView) -> tuple[list[str], list[list[str]]]:
    by_condition = view.by_condition
    return name_columns(by_condition=by_condition), build_rows(
        estimate.plan, by_condition=by_condition
    )


def _show_json(
    estimate: Estimate,
    output: Path | None,
    view: EstimateView,
    progress: StudyProgress | None,
    time: PlanTime | None,
) -> None:
    document = estimate_to_json(estimate, output, time)
    document = add_progress(document, estimate.plan, progress) if progress else document
    if view.by:
        from afcost.rendering.ways_view import by_to_json  # noqa: PLC0415 - few ask

        document |= {"by": by_to_json(estimate.plan.models, view.by, view.later)}
    click.echo(draw.show_json(document))


def _show_markdown(
    estimate: Estimate, view: EstimateView, progress: StudyProgress | None, time: PlanTime | None
) -> None:
    header, rows = _build_table(estimate, view)
    click.echo(draw.format_markdown(header, rows, left_columns=len(header) - FIGURES), nl=False)
    if changes := describe_changes(estimate):
        items = "".join(f"- {draw.format_markdown_text(change)}\n" for change in changes)
        click.echo(f"\nSent:\n\n{items}", nl=False)
    click.echo(_format_markdown_notes(estimate, view, progress, time), nl=False)


def _show_text(
    estimate: Estimate,
    output: Path | None,
    view: EstimateView,
    progress: StudyProgress | None,
    time: PlanTime | None,
) -> None:
    console, plan = draw.stdout(), estimate.plan
    header, rows = _build_table(estimate, view)
    draw.print_text(console, _format_title(estimate))
    draw.print_table(console, header, rows, left_columns=len(header) - FIGURES, has_total=True)
    for line in describe_time(time, _name_time(progress)) if time else ():
        draw.print_text(console, line, "dim")
    for line in _describe_by(estimate, view):
        draw.print_text(console, line, "dim")
    print_footnotes(console, estimate)
    if progress:
        show_progress(console, plan, progress)
    if output:
        command = _format_approve_command(output, find_likely_cap(plan, progress), view.run_dir)
        print_advice(console, [Advice(f"Saved {output}. To approve it", (command,))])
    else:
        draw.print_text(console, "To save a plan, add:  -o plan.json", "dim")
    for warning in plan.warnings:
        draw.print_text(draw.stderr(), f"warning: {warning}", "yellow")
    if trouble := default_cache().problem:
        draw.print_text(draw.stderr(), f"token count cache: {trouble}", "yellow")


def _describe_by(estimate: Estimate, view: EstimateView) -> Iterable[str]:
    if view.by is None:
        return ()
    from afcost.rendering.ways_view import describe_by  # noqa: PLC0415 - few ask

    return describe_by(estimate.plan.models, view.by, view.later)


def _name_time(progress: StudyProgress | None) -> str:
    return "time of the rest" if progress and progress.answered_count else "time"


def _format_markdown_notes(
    estimate: Estimate,
    view: EstimateView,
    progress: StudyProgress | None,
    time: PlanTime | None,
) -> str:
    """Return what a reader must know beside the figures, as a list of its own."""
    said = describe_progress(progress) if progress else []
    notes = [*list_output_notes(estimate), *describe_test(estimate), *list_caching(estimate.plan)]
    notes += describe_time(time, _name_time(progress)) if time else ()
    notes += _describe_by(estimate, view)
    lines = [*said, *notes, *(f"warning: {warning}" for warning in estimate.plan.warnings)]
    items = "".join(f"- {draw.format_markdown_text(line)}\n" for line in lines)
    return f"\nNotes:\n\n{items}" if items else ""


def _format_title(estimate: Estimate) -> str:
    spec = estimate.experiment.spec
    conditions = len(list(estimate.experiment.conditions()))
    parts = [
        draw.format_count(conditions, "condition", "conditions"),
        draw.format_count(len(estimate.experiment.queries), "query", "queries"),
        draw.format_count(spec.samples, "sample", "samples"),
    ]
    if len(spec.models) > 1:
        parts.insert(0, f"{len(spec.models)} models")
    judged = [
        f"{judge.name} ({draw.format_count(judge.samples, 'vote', 'votes')})"
        for judge in spec.judges
    ]
    return f"{spec.name}: {' x '.join(parts)}" + (f", judged by {', '.join(judged)}" * bool(judged))


def _format_approve_command(output: Path, cap: Money, run_dir: Path | None) -> str:
    return f"{name_command('approve', output)} --cap {round_up_to_cents(cap)}{name_place(run_dir)}"
