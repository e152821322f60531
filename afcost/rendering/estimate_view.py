"""An estimate on the terminal."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from afcost.rendering import console as draw
from estimator.count_cache import counts
from estimator.forecast.stratum import CostRange, Stratum
from estimator.plan.export import estimate_json
from estimator.plan.other_providers import elsewhere
from estimator.plan.planner import Estimate
from estimator.plan.price_notes import brief, price_notes
from estimator.workload.planned_model import PlannedModel
from pricing.money import from_float

HEADER = ["stage", "model", "calls", "in", "out", "likely", "90% range", "ceiling"]


@dataclass(frozen=True, slots=True)
class View:
    """How an estimate is shown."""

    form: str
    by_condition: bool


def show_estimate(estimate: Estimate, output: Path | None, view: View) -> None:
    """Print an estimate in the form that was asked for."""
    console, plan = draw.out(), estimate.plan
    if view.form == "json":
        click.echo(json.dumps(estimate_json(estimate, output), indent=2, ensure_ascii=False))
        return
    header = HEADER[:2] + (["condition"] if view.by_condition else []) + HEADER[2:]
    rows = _rows(estimate, by_condition=view.by_condition)
    if view.form == "csv":
        click.echo(draw.as_csv(header, rows), nl=False)
        return
    if view.form == "md":
        click.echo(draw.as_markdown(header, rows, left=len(header) - 6), nl=False)
        return
    draw.say(console, _title(estimate))
    draw.table(console, header, rows, left=len(header) - 6, total=True)
    _footnotes(estimate)
    if output:
        draw.say(console, f"Saved {output}. To approve it:  {_approve(estimate, output)}")
    else:
        draw.say(console, "To save a plan, add:  -o plan.json", "dim")
    for warning in plan.warnings:
        draw.say(draw.notes(), f"warning: {warning}", "yellow")
    if trouble := counts().trouble:
        draw.say(draw.notes(), f"token count cache: {trouble}", "yellow")


def _title(estimate: Estimate) -> str:
    spec = estimate.experiment.spec
    conditions = len(list(estimate.experiment.conditions()))
    parts = [
        _count(conditions, "condition", "conditions"),
        _count(len(estimate.experiment.queries), "query", "queries"),
        _count(spec.samples, "sample", "samples"),
    ]
    if len(spec.models) > 1:
        parts.insert(0, f"{len(spec.models)} models")
    judged = [f"{judge.name} ({_count(judge.samples, 'vote', 'votes')})" for judge in spec.judges]
    return f"{spec.name}: {' x '.join(parts)}" + (f", judged by {', '.join(judged)}" * bool(judged))


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _rows(estimate: Estimate, *, by_condition: bool) -> list[list[str]]:
    plan = estimate.plan
    rows = []
    for (stage, model), cost in plan.groups.items():
        strata = [s for s in plan.strata if (s.stage, s.model) == (stage, model)]
        name = str(plan.models[model].name)
        if by_condition:
            rows += [[stage, name, s.condition, *_figures([s], s.cost)] for s in strata]
        else:
            rows.append([stage, name, *_figures(strata, cost)])
    first = ["total", "", ""] if by_condition else ["total", ""]
    return [*rows, [*first, *_figures(list(plan.strata), plan.total)]]


def _figures(strata: list[Stratum], cost: CostRange) -> list[str]:
    exact = all(stratum.exactness == "exact" for stratum in strata)
    return [
        f"{sum(stratum.requests for stratum in strata):,}",
        ("" if exact else "~") + draw.tokens(sum(stratum.input_tokens for stratum in strata)),
        "~" + draw.tokens(sum(stratum.output.mean for stratum in strata)),
        draw.dollars(cost.mean),
        f"{draw.dollars(cost.q05)} – {draw.dollars(cost.q95)}",
        draw.dollars(cost.ceiling),
    ]


def _footnotes(estimate: Estimate) -> None:
    console, plan = draw.out(), estimate.plan
    for note in _exactness(estimate):
        draw.say(console, note, "dim")
    draw.say(console, f"out: {_basis(estimate)}", "dim")
    for written in estimate.experiment.spec.models:
        model = plan.models[written]
        said = f"{brief(model.card)} ({_origin(model, estimate.book.day)})"
        draw.say(console, f"price: {model.name} {said}", "dim")
        if quotes := elsewhere(estimate, written):
            offers = ", ".join(f"{provider} {draw.dollars(cost)}" for provider, cost in quotes)
            draw.say(console, f"       at other providers: {offers}", "dim")
    for note in price_notes(plan.models, estimate.book.day, estimate.on):
        draw.say(console, note, "dim")


def _origin(model: PlannedModel, today: date) -> str:
    """Say who says what a model costs, since when, and whether others agree."""
    card, apart = model.card, model.offer.disagreement(today)
    source = draw.origin(card)
    others = len(model.offer.others)
    if apart is None:
        return f"{source}; no other source"
    if apart > 1:
        return f"{source}; others differ by up to {apart.normalize():f} x"
    return f"{source}; {_count(others, 'other source agrees', 'other sources agree')}"


def _exactness(estimate: Estimate) -> list[str]:
    lines = []
    for model in estimate.plan.models.values():
        tokenizer = model.tokenizer
        if tokenizer.exactness.value != "exact":
            how = f"~{tokenizer.exactness.value}, {tokenizer.error}"
        elif model.counting.source:
            how = f"exact, with the tokenizer {tokenizer.name}"
        else:
            how = f"exact, {tokenizer.name}'s own vocabulary and framing"
        lines.append(f"in: {model.name} {how}")
    if estimate.experiment.spec.judges:
        lines.append("judge input: ~forecast (contains the answers)")
    return lines


def _basis(estimate: Estimate) -> str:
    bases = {stratum.basis for stratum in estimate.plan.strata}
    texts = {
        "history": "~forecast from earlier bills",
        "prior": "~prior (wide range; narrow it with --history)",
        "assumed": "~assumed in the experiment file",
    }
    return "; ".join(texts[basis] for basis in sorted(bases))


def _approve(estimate: Estimate, output: Path) -> str:
    cents = -(-from_float(estimate.plan.total.q95).pico // 10**10)
    return f"afcost approve {shlex.quote(str(output))} --cap {cents / 100:.2f}"
