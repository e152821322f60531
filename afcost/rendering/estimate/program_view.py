"""The estimate of a program on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import (
    Advice,
    name_command,
    name_place,
    print_advice,
    quote_path,
    round_up_to_cents,
)
from afcost.rendering.console import show
from afcost.rendering.estimate.estimate_table import FIGURES, build_rows, name_columns
from afcost.rendering.estimate.footnotes import describe_price_source
from afcost.rendering.estimate.output_notes import describe_range
from estimator.forecast import MEASURED, Stratum
from estimator.plan import format_main_prices
from estimator.recorded import (
    ProgramEstimate,
    ProgramPlan,
    program_estimate_to_json,
    recording_path,
)
from pricing.money import money_from_float
from runner.inspected import find_evaluation

_MANY_CUT, _FEW = 0.05, 3  # of the answers; stages that are named
_QUOTES = ["model", "provider", "standard", "batch", "cached"]


def show_program_estimate(
    estimate: ProgramEstimate,
    form: str,
    output: Path | None = None,
    run_dir: Path | None = None,
    *,
    raw: bool = False,
) -> None:
    """Print the estimate of a program.

    Args:
        estimate: what to print.
        form: `table`, `json`, `csv` or `md`.
        output: the saved plan's file, if any.
        run_dir: the program's folder that the user names.
        raw: cells of CSV stay as they are.
    """
    plan = estimate.plan
    header, rows = name_columns(by_condition=False), build_rows(plan, by_condition=False)
    match form:
        case "json":
            click.echo(draw.show_json(program_estimate_to_json(estimate, output)))
        case "csv":
            click.echo(draw.format_csv(header, rows, raw=raw), nl=False)
        case "md":
            click.echo(draw.format_markdown(header, rows, len(header) - FIGURES), nl=False)
        case _:
            _show_text(estimate, output, run_dir)
    if form != "json":
        for each in plan.problems if form != "table" else ():
            draw.print_text(draw.stderr(), f"PARTIAL: {each}", "yellow")
        for each in plan.warnings:
            draw.print_text(draw.stderr(), f"warning: {each}", "yellow")


def name_command_of(plan: ProgramPlan) -> str:
    """Return the command line of a planned program, or that it is of a log."""
    return shlex.join(plan.command) if plan.command else "recorded calls"


def name_start(plan: ProgramPlan, path: Path, run_dir: Path | None) -> str:
    """Return the command line that starts what was planned under its approved cap.

    Args:
        plan: of a program, or of an evaluation.
        path: its file.
        run_dir: the folder that the user names; None for the default.
    """
    place = name_place(run_dir)
    if evaluation := find_evaluation(plan.command):
        task, *others = map(show, evaluation)
        options = f" {shlex.join(others)}" if others else ""
        return f"afcost inspect run {shlex.quote(task)} --plan {quote_path(path)}{place}{options}"
    return f"{name_command('guard', path)}{place} -- {shlex.join(plan.command)}"


def _show_text(estimate: ProgramEstimate, output: Path | None, run_dir: Path | None) -> None:
    console, plan = draw.stdout(), estimate.plan
    show_program_figures(console, plan)
    _show_quotes(console, estimate)
    if output:
        cap = round_up_to_cents(money_from_float(plan.total.q95))
        command = f"{name_command('approve', output)} --cap {cap}{name_place(run_dir)}"
        beside = recording_path(output).name
        print_advice(
            console, [Advice(f"Saved {output}, its calls in {beside}. To approve it", (command,))]
        )
    elif plan.command:
        where = "add" if find_evaluation(plan.command) else "add before the --"
        draw.print_text(console, f"To save a plan, {where}:  -o plan.json", "dim")


def show_program_figures(console: Console, plan: ProgramPlan) -> None:
    """Print what a program's calls cost by stage and model, and what that rests on."""
    for each in plan.problems:
        draw.print_text(console, f"PARTIAL: {each}", "yellow")
    stages = draw.format_count(len({each.stage for each in plan.strata}), "stage", "stages")
    calls = draw.format_count(plan.calls, "call", "calls")
    draw.print_text(console, f"{name_command_of(plan)}: {calls} in {stages}")
    header, rows = name_columns(by_condition=False), build_rows(plan, by_condition=False)
    draw.print_table(console, header, rows, left_columns=2, has_total=True)
    for line in _list_notes(plan):
        draw.print_text(console, line, "dim")


def _list_notes(plan: ProgramPlan) -> Iterator[str]:
    """Yield what the figures rest on."""
    for model in plan.models.values():
        tokenizer = model.tokenizer
        if tokenizer.exactness.value != "exact":
            yield f"in: {model.name} ~{tokenizer.exactness.value}, {tokenizer.error}"
        else:
            yield f"in: {model.name} exact, {tokenizer.name}'s own vocabulary and framing"
    if any(map(partial(_is_forecast, plan), plan.strata)):
        yield "in, with ~: with the forecast answers that prompts contain, or a schema"
    strata = [each for each in plan.strata if each.basis not in MEASURED]
    if strata:
        low, high = (sum(getattr(each.output, q) for each in strata) for q in ("q05", "q95"))
        tokens = f"{draw.format_tokens(low)} – {draw.format_tokens(high)} tokens"
        yield f"out: ~prior (wide range; no answer is known yet): {tokens}"
    if len(strata) < len(plan.strata):
        yield "out: ~forecast from recorded answers"
    if said := describe_range(plan):
        yield f"range: {said}"
    cut = [each for each in plan.strata if (each.share_cut_off or 0) > _MANY_CUT]
    if cut:
        named = [f"{each.share_cut_off:.0%} of {each.stage}" for each in cut[:_FEW]]
        more = [draw.format_count(len(cut) - _FEW, "other", "others")] if len(cut) > _FEW else []
        yield f"cut off by their limit, likely: {', '.join([*named, *more])}"
    yield from plan.assumptions


def _is_forecast(plan: ProgramPlan, stratum: Stratum) -> bool:
    """Return whether a stratum's input is less exact than its model's tokenizer."""
    own = plan.models[stratum.model].tokenizer.exactness.value
    return stratum.exactness == "approximate" != own


def _show_quotes(console: Console, estimate: ProgramEstimate) -> None:
    """Print what the calls of each model cost elsewhere, as batches, and with cached prefixes."""
    plan, rows, reasons = estimate.plan, list[list[str]](), dict[str, None]()
    for name, quotes in estimate.quotes.items():
        model = plan.models[name]
        source = describe_price_source(model, estimate.day)
        line = f"price: {model.name} {format_main_prices(model.card)} ({source})"
        draw.print_text(console, line, "dim")
        for quote in quotes:
            rows.append([
                name if quote is quotes[0] else "",
                quote.name.provider,
                draw.format_dollars(quote.standard),
                "–" if quote.batch is None else draw.format_dollars(quote.batch),
                "–" if quote.cached is None else draw.format_dollars(quote.cached),
            ])  # fmt: skip
            if quote.caching.reason and quote is quotes[0]:
                reasons[f"{name} is not cached: {quote.caching.reason}"] = None
    draw.print_table(console, _QUOTES, rows, left_columns=2)
    for reason in reasons:
        draw.print_text(console, reason, "dim")
