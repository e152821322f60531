"""`afcost design`: queries x samples for a budget, and the gap that they can show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.commands.planning.by_time import choose_by
from afcost.commands.planning.earlier_answers import find_speeds, make_timer
from afcost.options import (
    FiniteRange,
    PositiveDollars,
    by_option,
    concurrency_option,
    limit_options,
    today,
)
from afcost.rendering import console as draw
from afcost.rendering.command_lines import Advice, name_command, print_advice
from afcost.rendering.design.design_view import describe_chosen, show_design
from estimator.design import (
    ASSUMED,
    Outcomes,
    Question,
    StudyDesign,
    Wish,
    assume_rates,
    design_study,
    measure_cells,
    write_design,
)
from estimator.forecast import MeasuredCalls, read_history
from estimator.plan import Estimate, EstimateOptions, estimate_experiment
from estimator.wall_time import AccountLimits
from estimator.workload import StratumKey
from experiment.analysis import choose_measure
from experiment.definition import BUILTIN_SOURCE, Overrides, Target
from pricing.money import Money

if TYPE_CHECKING:
    from runner.run_folder import RunFolder


class Pair(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """Two shares above 0 and below 1, such as 0.35,0.2."""

    name = "a,b"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Parse them."""
        if isinstance(value, tuple):
            return value
        try:
            first, second = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two shares, such as 0.35,0.2", param, ctx)
        if not (0 < first <= 1 and 0 < second <= 1):
            self.fail(f"{value!r}: each must be a share above 0, and 1 at most", param, ctx)
        return first, second


@click.command("design")
@click.argument("experiment", required=False)
@click.option("--budget", type=PositiveDollars(), help="What the study may cost, in US dollars.")
@click.option("--mde", type=FiniteRange(0, 1, min_open=True, max_open=True), metavar="GAP",
              help="Instead: the gap that it is to find, such as 0.05 for 5 points.")  # fmt: skip
@click.option(
    "--model", "-m", multiple=True, metavar="NAME", help="Subject model; may be repeated."
)
@click.option("--queries", type=click.IntRange(2), metavar="N",
              help="How many queries there will be; default: those of the experiment.")  # fmt: skip
@click.option("--max-tokens", type=click.IntRange(1), metavar="N",
              help="max_tokens of the subject models.")  # fmt: skip
@click.option("--target", type=click.Choice([each.value for each in Target]),
              help="What the result is about; default: `target` in the file.")  # fmt: skip
@click.option("--rates", type=Pair(), metavar="A,B",
              help="The rates that you expect at the two levels, such as 0.35,0.2.")  # fmt: skip
@click.option("--from", "run", type=click.Path(path_type=Path), metavar="RUN",
              help="Take from this run how its answers vary, and how long they are.")  # fmt: skip
@click.option("--labels", type=click.Path(path_type=Path), multiple=True,
              help="With --from: labels of its answers, which say how its judge errs.")  # fmt: skip
@click.option("--judge-error", type=Pair(), metavar="SE,SP",
              help="Sensitivity and specificity of the judge, such as 0.95,0.97.")  # fmt: skip
@click.option("--history", type=click.Path(path_type=Path),
              help="CSV of billed usage to base the cost on.")  # fmt: skip
@by_option
@concurrency_option
@limit_options
@click.option(
    "--price",
    multiple=True,
    metavar="MODEL=IN/OUT",
    help="Price in USD per million tokens; may be repeated.",
)
@click.option("--prices", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Price file; may be repeated.")  # fmt: skip
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option("--write", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a row into FILE, a copy of the experiment file beside it.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the designs as a page for a browser too; needs the extra "
              "`page`.")  # fmt: skip
@click.option("--row", type=click.IntRange(1), metavar="N",
              help="The row to write; in a terminal it is asked for.")  # fmt: skip
def design_command(  # noqa: PLR0913 - one argument for each option
    *,
    experiment: str | None,
    budget: Money | None,
    mde: float | None,
    model: tuple[str, ...],
    queries: int | None,
    max_tokens: int | None,
    target: str | None,
    rates: tuple[float, float] | None,
    run: Path | None,
    labels: tuple[Path, ...],
    judge_error: tuple[float, float] | None,
    history: Path | None,
    by: datetime | None,
    concurrency: int,
    rpm: float | None,
    tpm: float | None,
    price: tuple[str, ...],
    prices: tuple[Path, ...],
    format: str,  # noqa: A002 - the option's name
    write: Path | None,
    html: Path | None,
    row: int | None,
) -> None:
    """Show which gap a budget can find in EXPERIMENT, or what finding a gap costs.

    Default: the built-in alignment-faking experiment. It costs nothing and needs no key.

    For each model and cell it shows the queries x samples that find the smallest gap for the
    budget, 4 times in 5, where the result is about queries like these, and where it is about these
    queries alone. The money is planned so that 19 of 20 such studies stay within the budget.
    """
    if (budget is None) == (mde is None):
        raise click.UsageError("give either --budget USD or --mde GAP, such as --budget 50")
    if labels and run is None:
        raise click.UsageError("--labels are of a run's answers; name it with --from RUN")
    if row is not None and write is None:
        raise click.UsageError("--row is the one to write; name a file with --write FILE")
    measured, labelled = _measure(run, labels)
    error = judge_error or labelled
    if error is not None and sum(error) <= 1:
        raise click.BadParameter(
            f"sensitivity {error[0]:.2g} and specificity {error[1]:.2g} tell nothing apart; their "
            "sum must be above 1",
            param_hint="--judge-error" if judge_error else "--labels",
        )
    question = Question(
        Wish(None if budget is None else budget.as_float, mde),
        queries,
        None if target is None else Target(target),
        _assume(rates),
        measured,
        error,
        concurrency,
        AccountLimits(rpm, tpm),
        None if by is None else (by - datetime.now().astimezone()).total_seconds(),
    )
    files = tuple(str(path.absolute()) for path in prices)
    overrides = Overrides(model, max_tokens=max_tokens, prices=price, price_files=files)
    source = experiment or BUILTIN_SOURCE
    billed = read_history(history) if history else None
    if by is not None:
        whole = estimate_experiment(source, today(), overrides, history=billed)
        timer = make_timer(whole.plan, whole.experiment, None, run, concurrency, question.limits)
        chosen = choose_by(whole, whole.plan.strata, timer, by)
        overrides = replace(overrides, ways=chosen.as_written())
    found = design_study(
        source,
        today(),
        question,
        overrides,
        EstimateOptions(),
        billed,
        _make_search(run) if run else None,
        lambda estimate: find_speeds(estimate.plan, estimate.experiment, run),
    )
    if format == "json":
        click.echo(draw.show_json(found.to_json()))
    else:
        show_design(found)
    if html is not None:
        from afcost.commands.planning.pages import write_design_page  # noqa: PLC0415 - an extra

        write_design_page(html, found)
    if write is not None:
        _write(found, write, row)


def _make_search(run: Path) -> Callable[[Estimate], Mapping[StratumKey, MeasuredCalls]]:
    """Return what finds the calls of a run on which a forecast rests."""
    from runner.forecasting import find_calls_of_run  # noqa: PLC0415 - most designs read no run
    from runner.run_folder import open_run_folder  # noqa: PLC0415

    opened = open_run_folder(run)

    def find_calls(estimate: Estimate) -> Mapping[StratumKey, MeasuredCalls]:
        found = find_calls_of_run(opened, estimate.plan, estimate.experiment)
        if not found:
            draw.print_text(
                draw.stderr(),
                f"warning: no cost is taken from {run}: it did not ask what this experiment asks, "
                "or has calls in flight. Where only max_tokens differs, pass --history usage.csv:  "
                f"{name_command('report', run)} --answers usage.csv",
                "yellow",
            )
        return found

    return find_calls


def _assume(rates: tuple[float, float] | None) -> Outcomes:
    return ASSUMED if rates is None else assume_rates(rates)


def _measure(
    run: Path | None, labels: tuple[Path, ...]
) -> tuple[dict[tuple[str, str], Outcomes] | None, tuple[float, float] | None]:
    """Return how a run's answers vary, and by labels how its judge errs."""
    if run is None:
        return None, None
    from runner.results import read_observations  # noqa: PLC0415 - most designs read no run
    from runner.run_folder import open_run_folder  # noqa: PLC0415

    opened = open_run_folder(run)
    compared = opened.spec.compared
    if compared is None:
        raise click.BadParameter(f"{run} compares nothing: it has no factor", param_hint="--from")
    measure = choose_measure(opened.spec)
    seen = read_observations(opened)
    found = measure_cells(
        opened.spec, seen, measure=measure, compared=compared, source=f"in {run} by {measure}"
    )
    if not found:
        draw.print_text(
            draw.stderr(),
            f"warning: {run} has fewer than two queries with results at two levels of {compared}: "
            "how answers vary is not taken from it, as a pilot draws other queries for each level",
            "yellow",
        )
    return found, _measure_error(opened, labels, measure) if labels else None


def _measure_error(
    opened: RunFolder, labels: tuple[Path, ...], measure: str
) -> tuple[float, float]:
    """Return the sensitivity and specificity of a judge over all models."""
    from runner.labelling import read_labels  # noqa: PLC0415 - it loads numpy
    from runner.results import build_report  # noqa: PLC0415

    labelled = build_report(opened, labels=read_labels(opened, labels)).validation.labelled
    for each in labelled.errors if labelled else ():
        seen, unseen = each.sensitivity.estimate, each.specificity.estimate
        if (each.measure, each.model) == (measure, "") and seen is not None and unseen is not None:
            return seen, unseen
    raise click.BadParameter(
        f"they do not tell how {measure} errs: it takes answers that are positive and some that "
        "are not",
        param_hint="--labels",
    )


def _write(found: StudyDesign, path: Path, number: int | None) -> None:
    """Write a row of the table into a copy of the experiment file."""
    if number is None and sys.stdin.isatty():
        number = click.prompt("Row to write", type=click.IntRange(1, len(found.rows)),
                              default=found.default_row.number)  # fmt: skip
    number = number or found.default_row.number
    if number > len(found.rows):
        raise click.BadParameter(
            f"there is no row {number}; the table has {len(found.rows)}", param_hint="--row"
        )
    row = found.rows[number - 1]
    chosen = write_design(found, row, found.target, path)
    out = draw.stderr()
    draw.print_text(out, f"Wrote row {number} to {path}: {describe_chosen(row, chosen)}.")
    print_advice(out, [Advice("To estimate it", (name_command("estimate", path),))])
