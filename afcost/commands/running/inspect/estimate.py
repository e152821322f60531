"""`afcost inspect estimate`: what an evaluation will cost, by a rehearsal or by an earlier log."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from afcost.commands.planning.program_estimate import read_replaced
from afcost.commands.running.inspect.evaluation import name_evaluation
from afcost.guard_options import choose_providers, read_prices, takes_default_limit, takes_prices
from afcost.options import FiniteRange, today
from afcost.rendering import console as draw
from afcost.rendering.estimate.program_view import show_program_estimate
from estimator.recorded import (
    ProgramOptions,
    Recording,
    estimate_recording,
    save_program_plan,
)
from estimator.user_dirs import price_folder
from pricing.price_book import PriceBook
from pricing.sources import read_price_lists, read_user_prices
from runner.inspect_logs import read_inspect_log, record_logged_calls
from runner.inspected import InspectOptions, rehearse_inspect
from runner.rehearsal import RehearsalOptions, read_replies


@click.command("estimate", context_settings={"ignore_unknown_options": True})
@click.argument("task", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF INSPECT]…")
@click.option("--like", type=click.Path(path_type=Path), metavar="LOG",
              help="Estimate the evaluation of this log again, by what it was billed.")  # fmt: skip
@click.option("--model", "models", multiple=True, metavar="NAME|OLD=NEW",
              help="The model; with --like, one in the place of the log's.")  # fmt: skip
@takes_prices
@click.option("--reply", type=click.Path(path_type=Path), metavar="FILE",
              help="Answers in the place of placeholders, as of afcost estimate.")  # fmt: skip
@takes_default_limit
@click.option("--rehearsal-timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS",
              default=600, show_default=True, help="Time of each of the two runs.")  # fmt: skip
@click.option("--allow-sandbox", is_flag=True,
              help="Let a task have a sandbox, which is started.")  # fmt: skip
@click.option("--python", default=sys.executable, metavar="PATH",
              help="The Python that has inspect_ai; default: afcost's own.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Save the plan to this file, so that it can be approved.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "json", "csv", "md"]),
              default="table", show_default=True, help="Form of the estimate.")  # fmt: skip
def estimate_command(  # noqa: PLR0913 - one argument for each option
    *,
    task: str | None,
    arguments: tuple[str, ...],
    like: Path | None,
    models: tuple[str, ...],
    prices: tuple[str, ...],
    reply: Path | None,
    default_max_tokens: int | None,
    rehearsal_timeout: float,
    allow_sandbox: bool,
    python: str,
    output: Path | None,
    form: str,
) -> None:
    """Forecast what `inspect eval TASK` costs. Nothing leaves this machine.

    Inspect runs the task twice, with placeholders for answers: all calls are found, those of roles
    and of judges that the task's code names too. Options that are not listed here go to Inspect:

        afcost inspect estimate arc.py --model openai/gpt-6-luna -T subset=easy

    With -o plan.json it ends with what approves that plan; afcost inspect run --plan starts it.

    With --like LOG nothing is run: the calls of a finished evaluation, with the lengths that were
    billed, are priced again, for other models too.
    """
    if bool(task) == bool(like):
        raise click.UsageError("expected a task, or --like LOG, and not both")
    if like and output:
        raise click.UsageError("a plan is of a task that was rehearsed; leave out --like, or -o")
    providers = choose_providers((), ())
    files, own = read_user_prices([Path.cwd()], []), read_prices(prices, providers)
    book = PriceBook(today(), files, read_price_lists(price_folder()), own)
    if like:
        recording: Recording = record_logged_calls(read_inspect_log(like, python), providers)
    else:
        named = tuple(word for each in models for word in ("--model", each))
        asked = InspectOptions((f"{task}", *named, *arguments), python, allow_sandbox)
        rehearsal = RehearsalOptions(
            providers,
            book,
            seconds=rehearsal_timeout,
            seconds_option="--rehearsal-timeout",
            default_limit=default_max_tokens,
            replies=read_replies(reply) if reply else None,
            shows_output=False,
            note=lambda said: draw.print_text(draw.stderr(), f"afcost: {said}", "dim"),
        )
        recording = rehearse_inspect(asked, rehearsal, os.environ)
    options = ProgramOptions(
        study=name_evaluation(task or f"{like}"),
        book=book,
        providers=providers,
        run_date=today(),
        replaced=read_replaced(models) if like else {},
        default_limit=default_max_tokens,
        prices=prices,
    )
    estimate = estimate_recording(recording, options)
    if output:
        estimate = replace(estimate, plan=save_program_plan(estimate.plan, recording, output))
    show_program_estimate(estimate, form, output)
    book.keep_answers()
