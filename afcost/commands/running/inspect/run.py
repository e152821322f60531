"""`afcost inspect run`: an evaluation of Inspect within a cap, or what is missing of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from afcost import errors
from afcost.commands.running.inspect.evaluation import find_budget, name_evaluation, read_plan
from afcost.consent import find_current_user
from afcost.guard_options import (
    choose_providers,
    refuse_second_guard,
    takes_default_limit,
    takes_keys,
    takes_prices,
    takes_upstreams,
)
from afcost.options import FiniteRange, PositiveDollars
from afcost.rendering import console as draw
from afcost.rendering.running.guard_view import show_end
from afcost.rendering.running.inspect_view import show_evaluation
from pricing.money import Money
from runner.gateway import GuardOptions
from runner.inspected import InspectedRun, InspectOptions, run_inspect


@click.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("task")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF INSPECT]…")
@click.option("--cap", type=PositiveDollars(), metavar="USD",
              help="The most that its calls may cost, over all of its starts.")  # fmt: skip
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="An approved plan of afcost inspect estimate, which has the cap.")  # fmt: skip
@takes_upstreams
@takes_keys
@takes_prices
@takes_default_limit
@click.option("--call-timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS",
              default=600, show_default=True, help="Timeout of one call.")  # fmt: skip
@click.option("--allow-sandbox", is_flag=True,
              help="Let a task have a sandbox, which is started.")  # fmt: skip
@click.option("--python", default=sys.executable, metavar="PATH",
              help="The Python that has inspect_ai; default: afcost's own.")  # fmt: skip
@click.option("--run-dir", type=click.Path(path_type=Path),
              help="Folder of its ledger and its logs; default: runs/TASK.")  # fmt: skip
def run_command(  # noqa: PLR0913 - one argument for each option
    *,
    task: str,
    arguments: tuple[str, ...],
    cap: Money | None,
    plan: Path | None,
    upstreams: tuple[str, ...],
    keys: tuple[str, ...],
    prices: tuple[str, ...],
    default_max_tokens: int | None,
    call_timeout: float,
    allow_sandbox: bool,
    python: str,
    run_dir: Path | None,
) -> int:
    """Run `inspect eval TASK` with a cap on what all of its calls cost, judges' and roles' too.

    Options that are not listed here go to Inspect:

        afcost inspect run arc.py --cap 5 --model openai/gpt-6-luna -T subset=easy --limit 100

    With the plan of `afcost inspect estimate -o`, the cap is the approved one:

        afcost inspect run arc.py --plan plan.json --model openai/gpt-6-luna -T subset=easy

    A sample begins when the cap pays for all of its calls; the others are missing, not wrong. Run
    it again with a higher cap, and only those are run. It ends with 4 where samples are missing
    because of the cap.
    """
    refuse_second_guard(upstreams)
    asked = InspectOptions((task, *arguments), python, allow_sandbox)
    planned = read_plan(plan, asked) if plan else None
    path = run_dir or Path("runs") / (planned.study if planned else name_evaluation(task))
    providers = choose_providers(upstreams, keys)
    budget = find_budget(cap, planned, plan, prices, providers)
    guard = GuardOptions(
        cap=budget.cap,
        by=find_current_user(),
        providers=providers,
        book=budget.book,
        concurrency=256,
        timeout=call_timeout,
        default_limit=default_max_tokens or (planned.default_limit if planned else None),
        plan=budget.approved,
        note=lambda said: draw.print_text(draw.stderr(), f"afcost: {said}", "red"),
    )
    draw.print_text(draw.stderr(), f"afcost: cap {budget.cap}, ledger and logs in {path}", "dim")
    ran = run_inspect(path, asked, guard, os.environ)
    show_end(draw.stderr(), ran.guarded, ran.folder, (), budget.approved, tools={})
    show_evaluation(draw.stderr(), ran.end, ran.guarded, budget.approved)
    return _choose_code(ran)


def _choose_code(ran: InspectedRun) -> int:
    """Return the exit code: Inspect's own is 0 where samples are missing."""
    tally = ran.guarded.tally
    if tally.at_cap or tally.samples_at_cap:
        return errors.AT_THE_CAP
    if ran.guarded.end.code:
        return ran.guarded.end.code
    return errors.DONE if ran.end.is_whole and not tally.stopped else errors.ERROR
