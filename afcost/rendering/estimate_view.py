"""An estimate on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.rendering import console as draw
from afcost.rendering.command_lines import Advice, name_command, name_place, print_advice
from afcost.rendering.study_view import (
    add_progress,
    describe_progress,
    find_likely_cap,
    show_progress,
)
from estimator.count_cache import default_cache
from estimator.forecast import CostRange, Stratum
from estimator.plan import (
    Estimate,
    Plan,
    cost_at_other_providers,
    describe_turns,
    estimate_to_json,
    format_main_prices,
    list_changes,
    list_joint_votes,
    list_price_notes,
    list_reasoning_notes,
)
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT
from pricing.money import Money

if TYPE_CHECKING:  # a first estimate imports nothing that runs
    from runner.launch import StudyProgress

TABLE_HEADER = ["stage", "model", "calls", "in", "out", "likely", "90% range", "ceiling"]

_BASES = {
    "assumed": "~assumed in the experiment file",
    "history": "~forecast from earlier bills",
    "pilot": "~forecast from this study's answers, which are not paid again",
    "prior": "~prior (wide range; narrow it with --history)",
}
_MEASURED = ("history", "pilot")


@dataclass(frozen=True, slots=True)
class EstimateView:
    """How an estimate is displayed."""

    output_format: str
    by_condition: bool
    raw: bool = False
    run_dir: Path | None = None


def show_estimate(
    estimate: Estimate,
    output: Path | None,
    view: EstimateView,
    progress: StudyProgress | None = None,
) -> None:
    """Print an estimate in the form that was asked for.

    Args:
        estimate: what to print.
        output: the saved plan file, if any.
        view: the form.
        progress: of its study; None where that has no ledger yet.
    """
    console, plan = draw.stdout(), estimate.plan
    if view.output_format == "json":
        document = estimate_to_json(estimate, output)
        document = add_progress(document, plan, progress) if progress else document
        click.echo(draw.show_json(document))
        return
    header = TABLE_HEADER[:2] + (["condition"] if view.by_condition else []) + TABLE_HEADER[2:]
    rows = _build_rows(estimate, by_condition=view.by_condition)
    if view.output_format == "csv":
        click.echo(draw.format_csv(header, rows, raw=view.raw), nl=False)
        return
    if view.output_format == "md":
        click.echo(draw.format_markdown(header, rows, left_columns=len(header) - 6), nl=False)
        if changes := _list_changes(estimate):
            items = "".join(f"- {draw.format_markdown_text(change)}\n" for change in changes)
            click.echo(f"\nSent:\n\n{items}", nl=False)
        click.echo(_format_markdown_notes(estimate, progress), nl=False)
        return
    draw.print_text(console, _format_title(estimate))
    draw.print_table(console, header, rows, left_columns=len(header) - 6, has_total=True)
    _print_footnotes(estimate)
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


def _format_markdown_notes(estimate: Estimate, progress: StudyProgress | None) -> str:
    """Return what a reader must know beside the figures, as a list of its own."""
    notes = _list_output_notes(estimate)
    said = describe_progress(progress) if progress else []
    notes += [sequential] if (sequential := _describe_sequential(estimate)) else []
    lines = [*said, *notes, *(f"warning: {warning}" for warning in estimate.plan.warnings)]
    items = "".join(f"- {draw.format_markdown_text(line)}\n" for line in lines)
    return f"\nNotes:\n\n{items}" if items else ""


def _format_title(estimate: Estimate) -> str:
    spec = estimate.experiment.spec
    conditions = len(list(estimate.experiment.conditions()))
    parts = [
        _format_count(conditions, "condition", "conditions"),
        _format_count(len(estimate.experiment.queries), "query", "queries"),
        _format_count(spec.samples, "sample", "samples"),
    ]
    if len(spec.models) > 1:
        parts.insert(0, f"{len(spec.models)} models")
    judged = [
        f"{judge.name} ({_format_count(judge.samples, 'vote', 'votes')})" for judge in spec.judges
    ]
    return f"{spec.name}: {' x '.join(parts)}" + (f", judged by {', '.join(judged)}" * bool(judged))


def _format_count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _build_rows(estimate: Estimate, *, by_condition: bool) -> list[list[str]]:
    plan = estimate.plan
    rows = []
    groups = sorted(plan.groups.items(), key=lambda group: group[0][0] != SUBJECT)
    for (stage, model), cost in groups:  # the judges below the models that they judge
        strata = [s for s in plan.strata if (s.stage, s.model) == (stage, model)]
        name = str(plan.models[model].name)
        if by_condition:
            rows += [[stage, name, s.condition, *_format_figures([s], s.cost)] for s in strata]
        else:
            rows.append([stage, name, *_format_figures(strata, cost)])
    first = ["total", "", ""] if by_condition else ["total", ""]
    return [*rows, [*first, *_format_figures(list(plan.strata), plan.total)]]


def _format_figures(strata: list[Stratum], cost: CostRange) -> list[str]:
    exact = all(stratum.exactness == "exact" for stratum in strata)
    return [
        f"{sum(stratum.requests for stratum in strata):,}",
        ("" if exact else "~")
        + draw.format_tokens(sum(stratum.input_tokens for stratum in strata)),
        "~" + draw.format_tokens(sum(stratum.output.mean for stratum in strata)),
        draw.format_dollars(cost.mean),
        f"{draw.format_dollars(cost.q05)} – {draw.format_dollars(cost.q95)}",
        draw.format_dollars(cost.ceiling),
    ]


def _describe_expected(strata: Iterable[Stratum]) -> str:
    """Say how many calls are expected of judges that the answers give some of them."""
    most, expected = Counter[str](), Counter[str]()
    for each in strata:
        if each.expected is not None:
            most[each.stage] += each.requests
            expected[each.stage] += round(each.expected)
    parts = [f"{judge} ~{expected[judge]:,} of {most[judge]:,}" for judge in most]
    return f"the answers decide how many there are: {', '.join(parts)}" if parts else ""


def _print_footnotes(estimate: Estimate) -> None:
    console, plan = draw.stdout(), estimate.plan
    for note in _describe_exactness(estimate):
        draw.print_text(console, note, "dim")
    for line in _list_uncertainty(plan):
        draw.print_text(console, line, "dim")
    if expected := _describe_expected(plan.strata):
        draw.print_text(console, f"calls: {expected}", "dim")
    for note in _list_output_notes(estimate):
        draw.print_text(console, f"out: {note}", "dim")
    if sequential := _describe_sequential(estimate):
        draw.print_text(console, sequential, "dim")
    for written in estimate.experiment.spec.models:
        model = plan.models[written]
        said = (
            f"{format_main_prices(model.card)} ({_describe_price_source(model, estimate.book.day)})"
        )
        draw.print_text(console, f"price: {model.name} {said}", "dim")
        if quotes := cost_at_other_providers(estimate, written):
            offers = ", ".join(
                f"{provider} {draw.format_dollars(cost)}" for provider, cost in quotes
            )
            draw.print_text(console, f"       at other providers: {offers}", "dim")
    for change in _list_changes(estimate):
        draw.print_text(console, f"sent: {change}", "dim")
    for note in list_price_notes(plan.models, estimate.book.day, estimate.run_date):
        draw.print_text(console, note, "dim")


def _describe_sequential(estimate: Estimate) -> str:
    """Say what a sequential test does and may save; empty where there is none."""
    experiment = estimate.experiment
    if experiment.spec.sequential is None:
        return ""
    from experiment.analysis.sequential import describe_sequential  # noqa: PLC0415 - loads numpy

    return describe_sequential(experiment.spec, len(experiment.queries))


def _list_output_notes(estimate: Estimate) -> list[str]:
    """List what a reader must know of outputs: turns, and reasoning that is not shown."""
    spec, turns = estimate.experiment.spec, describe_turns(estimate.experiment.spec)
    notes = list_reasoning_notes(spec, estimate.plan.models, only_hidden=True)
    return [*([turns] if turns else []), *notes]


def _list_changes(estimate: Estimate) -> list[str]:
    """List how what is sent differs from what the experiment writes."""
    experiment, models = estimate.experiment, estimate.plan.models
    changes = list_changes(experiment, models, estimate.sent)
    return [*changes, *list_joint_votes(experiment.spec, models)]


def _describe_price_source(model: PlannedModel, today: date) -> str:
    """Describe where a model's price comes from, its date, and whether other sources agree."""
    card, apart = model.card, model.offer.disagreement_ratio(today)
    source = draw.format_source(card)
    others = len(model.offer.alternatives)
    if apart is None:
        return f"{source}; no other source"
    if apart > 1:
        return f"{source}; others differ by up to {apart.normalize():f} x"
    return f"{source}; {_format_count(others, 'other source agrees', 'other sources agree')}"


def _describe_exactness(estimate: Estimate) -> list[str]:
    lines = []
    bounded = {each.model for each in estimate.plan.strata if each.exactness == "approximate"}
    for written, model in estimate.plan.models.items():
        tokenizer = model.tokenizer
        if tokenizer.exactness.value != "exact":
            how = f"~{tokenizer.exactness.value}, {tokenizer.error}"
        elif model.counting.source:
            how = f"exact, with the tokenizer {tokenizer.name}"
        else:
            how = f"exact, {tokenizer.name}'s own vocabulary and framing"
        is_subject = written in estimate.experiment.spec.models
        if how.startswith("exact") and is_subject and written in bounded:
            how += ", but for a schema or template variables, ~approximate"
        lines.append(f"in: {model.name} {how}")
    if estimate.experiment.spec.judges:
        lines.append("judge input: ~forecast (contains the answers)")
    return list(dict.fromkeys(lines))  # a model may be written in two ways


def _list_uncertainty(plan: Plan) -> list[str]:
    """List what the output figures rest on, and how wide the total's range is."""
    found = [("out", basis) for basis in _list_bases(plan)]
    found += [("out", _describe_heavy_tails(plan)), ("range", _describe_range(plan))]
    return [f"{name}: {said}" for name, said in found if said]


def _list_bases(plan: Plan) -> list[str]:
    """Say where the output figures come from, and of what is not measured how wide its range is."""
    lines = []
    for basis, said in _BASES.items():
        strata = [stratum for stratum in plan.strata if stratum.basis == basis]
        if not strata:
            continue
        measured = f": {_describe_measured(strata)}" if basis in _MEASURED else ""
        low, high = (sum(getattr(each.output, q) for each in strata) for q in ("q05", "q95"))
        tokens = f"{draw.format_tokens(low)} – {draw.format_tokens(high)} tokens"
        lines.append(f"{said}{measured}" if measured else f"{said}: {tokens}")
    return lines


def _describe_measured(strata: list[Stratum]) -> str:
    """Say which calls a forecast rests on; of a study's own, how many of each stratum there are."""
    own = [each.own_answers for each in strata if each.own_answers is not None]
    if len(own) < len(strata):
        return _list_shortly(dict.fromkeys(each.source for each in strata))
    fewest, most = min(own), max(own)
    number = _format_count(most, "call", "calls")
    return (
        f"{f'{fewest:,} to ' if fewest < most else ''}{number} of each stage, model and condition"
    )


def _list_shortly(names: Iterable[str]) -> str:
    """Return the first name, and how many others there are."""
    first, *others = names
    return first + (f", and {_format_count(len(others), 'other', 'others')}" if others else "")


def _describe_range(plan: Plan) -> str:
    """Say how wide the total's range is, and which stratum makes most of it."""
    total = plan.total
    if total.q25 is None or total.q75 is None or total.q025 is None or total.q975 is None:
        return ""
    said = (
        f"50% {draw.format_dollars(total.q25)} – {draw.format_dollars(total.q75)}, "
        f"95% {draw.format_dollars(total.q025)} – {draw.format_dollars(total.q975)}"
    )
    known = [each for each in plan.strata if each.variance_share is not None]
    if len(known) > 1:
        most = max(known, key=lambda each: each.variance_share or 0.0)
        name = most.condition if most.stage == SUBJECT else f"{most.stage} {most.condition}"
        said += f"; {most.variance_share:.0%} of the variance: {name}"
    return said


def _describe_heavy_tails(plan: Plan) -> str:
    """Say whose measured lengths have a heavy tail, so that few answers make much of the cost."""
    heavy = [f"{s.stage} {s.condition}" for s in plan.strata if s.is_heavy_tailed]
    return f"a few answers are very long: {_list_shortly(heavy)}" if heavy else ""


def _format_approve_command(output: Path, cap: Money, run_dir: Path | None) -> str:
    cents = -(-cap.pico // 10**10)
    return f"{name_command('approve', output)} --cap {cents / 100:.2f}{name_place(run_dir)}"
