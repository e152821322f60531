"""`afcost estimate`: parse, call `estimator.estimate`, draw."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.errors import Refused
from afcost.rendering import console as draw
from afcost.rendering.progress import Bar

if TYPE_CHECKING:
    from estimator.forecast.forecast import CostRange, Stratum
    from estimator.plan.planner import Estimate
    from estimator.workload.count_requests import PlannedModel
    from pricing.money import Money

HEADER = ["stage", "model", "calls", "in", "out", "likely", "90% range", "ceiling"]
_MOST = 4 * 10**18  # pico-dollars


class Dollars(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """An amount of US dollars above zero, with or without a dollar sign."""

    name = "usd"
    least = 1  # pico-dollars

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Money:
        """Read an amount exactly."""
        from pricing.money import Money  # noqa: PLC0415 - only when asked for

        if isinstance(value, Money):
            return value
        try:
            amount = Money.usd(Decimal(str(value).strip().removeprefix("$")))
        except (InvalidOperation, ValueError):
            self.fail(f"{value!r} is not an amount of US dollars, such as 5 or 0.50", param, ctx)
        if amount.pico < self.least:
            self.fail(f"{value!r} must be {'above' if self.least else 'at least'} 0", param, ctx)
        if amount.pico >= _MOST:
            self.fail(f"{value!r} is more than a ledger can count", param, ctx)
        return amount


class Amount(Dollars):
    """The same, or zero."""

    least = 0


class Day(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A day, today or later."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read an ISO day."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day like 2026-12-01", param, ctx)
        if day < today():
            self.fail(f"{value!r} has passed", param, ctx)
        return day


@dataclass(frozen=True, slots=True)
class View:
    """How an estimate is shown."""

    form: str
    by_condition: bool


@click.command("estimate")
@click.argument("experiment", required=False)
@click.option("--model", "-m", multiple=True, help="Subject model; may be repeated.")
@click.option("--provider", help="Provider of the subject models, such as openrouter.")
@click.option("--limit", type=click.IntRange(1), help="Use only the first N queries.")
@click.option("--samples", type=click.IntRange(1), help="Samples of each query and condition.")
@click.option("--max-tokens", type=click.IntRange(1), help="The subject's max_tokens.")
@click.option("--history", type=click.Path(path_type=Path), help="Billed usage (csv) to rest on.")
@click.option(
    "--requests", type=click.Path(path_type=Path), help="Write every request (csv, jsonl)."
)
@click.option(
    "--tokenizer",
    multiple=True,
    metavar="[MODEL=]SOURCE",
    help="Count with hf:org/name or a folder's tokenizer; may be repeated.",
)
@click.option(
    "--count",
    type=click.Choice(["auto", "local", "provider"]),
    default="auto",
    show_default=True,
    help="Where prompts are counted; auto asks Anthropic where there is a key.",
)
@click.option("--no-cache", is_flag=True, help="Count anew, whatever was counted before.")
@click.option(
    "--price",
    multiple=True,
    metavar="MODEL=IN/OUT",
    help="USD per million tokens, or MODEL=SOURCE, such as litellm; may be repeated.",
)
@click.option("--on", type=Day(), help="The day of the run, such as 2026-12-02; by default today.")
@click.option(
    "--batch", is_flag=True, help="Price everything as batches, which afcost cannot send."
)
@click.option("--by-condition", is_flag=True, help="One row for each condition.")
@click.option("--fail-over", type=Dollars(), help="Exit with 3 if the 95% quantile is above it.")
@click.option("--format", type=click.Choice(["table", "json", "csv", "md"]), default="table")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan.")
def command(  # noqa: PLR0913 - one argument for each option
    *,
    experiment: str | None,
    model: tuple[str, ...],
    provider: str | None,
    limit: int | None,
    samples: int | None,
    max_tokens: int | None,
    history: Path | None,
    requests: Path | None,
    tokenizer: tuple[str, ...],
    count: str,
    no_cache: bool,
    price: tuple[str, ...],
    on: date | None,
    batch: bool,
    by_condition: bool,
    fail_over: Money | None,
    format: str,  # noqa: A002 - the option's name, as in afcost.toml
    output: Path | None,
) -> None:
    """Forecast what EXPERIMENT costs, by default the built-in alignment-faking experiment.

    Nothing is paid for and no key is needed. Input is counted with each model's own tokenizer;
    output is forecast, and the range says how sure that is. Claude's tokenizer is Anthropic's
    alone: where ANTHROPIC_API_KEY is set, prompts are sent there to be counted, which is free.
    """
    from estimator.forecast.history import read_history  # noqa: PLC0415
    from estimator.plan import plan_file as plans  # noqa: PLC0415
    from estimator.plan import planner as estimating  # noqa: PLC0415 - heavy, and only needed here
    from estimator.plan.export import exporter  # noqa: PLC0415
    from experiment.definition.loader import BUILTIN, Changes, load  # noqa: PLC0415
    from pricing.catalog.model_names import moved  # noqa: PLC0415

    source = experiment or BUILTIN
    if provider:
        named = model or load(source).spec.models
        model = tuple(moved(name, provider) for name in named)
    if batch and output:
        raise click.UsageError("batches are priced but not sent; leave --batch out to plan a run")
    tokenizers = tuple(map(_absolute, tokenizer))
    changes = Changes(model, limit, samples, max_tokens, tokenizers, price)
    billed = read_history(history) if history else None
    with ExitStack() as stack:
        each = stack.enter_context(exporter(requests)) if requests else None
        estimate = estimating.estimate(
            source,
            today(),
            changes,
            on,
            billed,
            each,
            batch=batch,
            count=count,
            remember=not no_cache,
            progress=stack.enter_context(Bar()),
        )
    if output:
        plans.save(estimate.plan, output)
    _show(estimate, output, View(format, by_condition))
    if fail_over is not None and estimate.plan.total.q95 > fail_over.approx:
        raise Refused(
            f"the 95 % quantile, {draw.dollars(estimate.plan.total.q95)}, is above {fail_over}"
        )


def _absolute(tokenizer: str) -> str:
    """Make the path of a tokenizer's folder absolute; it may follow a model's name and `=`."""
    model, equals, source = tokenizer.partition("=")
    if not equals or Path(tokenizer).exists():
        model, equals, source = "", "", tokenizer
    if source.startswith("hf:"):
        return tokenizer
    return f"{model}{equals}{Path(source).resolve()}"


def today() -> date:
    """Give the day, here, that prices are looked up for."""
    return datetime.now().astimezone().date()


def _show(estimate: Estimate, output: Path | None, view: View) -> None:
    from estimator.counting.count_cache import counts  # noqa: PLC0415

    console, plan = draw.out(), estimate.plan
    if view.form == "json":
        from estimator.plan.export import estimate_json  # noqa: PLC0415

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
        draw.say(console, "To plan it, add:  -o plan.json", "dim")
    for warning in plan.warnings:
        draw.say(draw.notes(), f"warning: {warning}", "yellow")
    if trouble := counts().trouble:
        draw.say(draw.notes(), f"cache of counts: {trouble}", "yellow")


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
    from estimator.plan.planner import elsewhere  # noqa: PLC0415
    from estimator.plan.price_notes import brief, price_notes  # noqa: PLC0415

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
            draw.say(console, f"       the same calls elsewhere: {offers}", "dim")
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
            how = f"exact, by the tokenizer {tokenizer.name}"
        else:
            how = f"exact, {tokenizer.name}'s own vocabulary and framing"
        lines.append(f"in: {model.name} {how}")
    if estimate.experiment.spec.judges:
        lines.append("in: of judges ~forecast, because it holds the answers")
    return lines


def _basis(estimate: Estimate) -> str:
    bases = {stratum.basis for stratum in estimate.plan.strata}
    texts = {
        "history": "~forecast from what earlier runs billed",
        "prior": "~forecast from a prior: a guess with a wide band; --history narrows it",
        "assumed": "~as assumed in the experiment file",
    }
    return "; ".join(texts[basis] for basis in sorted(bases))


def _approve(estimate: Estimate, output: Path) -> str:
    from pricing.money import from_float  # noqa: PLC0415

    cents = -(-from_float(estimate.plan.total.q95).pico // 10**10)
    return f"afcost approve {shlex.quote(str(output))} --cap {cents / 100:.2f}"
