"""`afcost guard`: run any program, with a cap on what its calls to language models cost."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost import errors
from afcost.consent import find_current_user
from afcost.guard_options import (
    choose_providers,
    read_part_caps,
    read_prices,
    refuse_second_guard,
    takes_default_limit,
    takes_keys,
    takes_prices,
    takes_upstreams,
)
from afcost.guard_plan import find_cap, split_plan, warn_of_other_command
from afcost.options import FiniteRange, PositiveDollars, today
from afcost.program_words import ProgramCommand, name_program
from afcost.rendering import console as draw
from afcost.rendering.running.guard_start import show_start, show_surroundings
from afcost.rendering.running.guard_view import show_end
from estimator.recorded import read_program_plan
from estimator.user_dirs import price_folder
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources import read_price_lists, read_user_prices
from runner.gateway import (
    SHELLS,
    GuardFolder,
    GuardOptions,
    check_program_plan,
    choose_guard_folder,
    run_guarded,
    write_shell_lines,
)


@click.command("guard", cls=ProgramCommand, context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--cap", type=PositiveDollars(), metavar="USD",
              help="The most that its calls may cost, over all of its starts.")  # fmt: skip
@takes_upstreams
@takes_keys
@takes_prices
@click.option("--cap-tokens", type=click.IntRange(1), metavar="N",
              help="A cap on the tokens of prompts and answers, too.")  # fmt: skip
@click.option("--cap-for", "part_caps", multiple=True, metavar="NAME=USD",
              help="A cap on one provider/model, or on one x-afcost-label.")  # fmt: skip
@takes_default_limit
@click.option("--concurrency", type=click.IntRange(1, 10_000), default=256, show_default=True,
              help="Calls in flight, at most.")  # fmt: skip
@click.option("--timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS",
              default=600, show_default=True, help="Timeout of one call.")  # fmt: skip
@click.option("--intercept", is_flag=True,
              help="Take its connections to providers too, where it sets its addresses in its "
                   "code; needs the extra afcost[intercept].")  # fmt: skip
@click.option("--print-env", "shell", type=click.Choice(SHELLS), flag_value="sh", is_flag=False,
              help="Start nothing: print the environment for programs that are started elsewhere, "
                   "and serve them until Ctrl-C. sh is for bash and zsh, too.")  # fmt: skip
@click.option("--ledger", metavar="URL",
              help="Ledger shared by several processes: postgresql://USER@HOST/DB.")  # fmt: skip
@click.option("--run-dir", type=click.Path(path_type=Path),
              help="Folder of its ledger; default: runs/PROGRAM.")  # fmt: skip
def guard_command(  # noqa: PLR0913 - one argument for each option
    *,
    command: tuple[str, ...],
    cap: Money | None,
    upstreams: tuple[str, ...],
    keys: tuple[str, ...],
    prices: tuple[str, ...],
    cap_tokens: int | None,
    part_caps: tuple[str, ...],
    default_max_tokens: int | None,
    concurrency: int,
    timeout: float,
    intercept: bool,
    shell: str | None,
    ledger: str | None,
    run_dir: Path | None,
) -> int:
    """Run COMMAND with a cap on what its calls to language models cost.

    Its environment has the official clients send their calls to this process, which reserves each
    one at its worst case, sends it on with the real key, and settles it. Write -- before it:

        afcost guard --cap 5 -- python my_study.py

    With the plan of `afcost estimate -- COMMAND` before it, the cap is the approved one:

        afcost guard plan.json -- python my_study.py

    Options with PROVIDER, MODEL or NAME may be repeated. Run it again to go on under the same cap.
    It ends with the program's exit code, or with 4 where the cap could not pay for a call,
    or with 1 where all calls were stopped.
    """
    refuse_second_guard(upstreams)
    path, command = split_plan(command)
    if bool(command) == bool(shell):
        raise click.UsageError("expected a command after --, or --print-env, and not both")
    plan = read_program_plan(path) if path else None
    study = plan.study if plan else name_program(command) if command else "guard"
    folder = choose_guard_folder(run_dir or Path("runs") / study, study, command)
    providers = choose_providers(upstreams, keys)
    own = read_prices((*(plan.prices if plan else ()), *prices), providers)
    files = read_user_prices([Path.cwd()], [])
    book = PriceBook(today(), files, read_price_lists(price_folder()), own)
    approved = None
    if path and plan:
        warn_of_other_command(path, plan, folder)
        approved = check_program_plan(path, plan, book, providers, datetime.now(UTC))
    amount = find_cap(cap, approved)
    show_surroundings(draw.stderr(), os.environ, providers)
    options = GuardOptions(
        cap=amount,
        by=find_current_user(),
        providers=providers,
        book=book,
        concurrency=concurrency,
        timeout=timeout,
        default_limit=default_max_tokens or (plan.default_limit if plan else None),
        intercepts=intercept,
        ledger_url=ledger,
        caps=read_part_caps(cap_tokens, part_caps, providers),
        plan=approved,
        note=lambda said: draw.print_text(draw.stderr(), f"afcost: {said}", "red"),
        on_open=lambda inner, counted: _show_open(counted, folder, inner, shell),
    )
    ended = run_guarded(folder, options, os.environ)
    show_end(draw.stderr(), ended, folder, options.caps, approved)
    if ended.tally.at_cap:
        return errors.AT_THE_CAP
    return ended.end.code or (errors.ERROR if ended.tally.stopped else errors.DONE)


def _show_open(
    cap: Money, folder: GuardFolder, environment: Mapping[str, str], shell: str | None
) -> None:
    """Say under which cap a program starts, or what programs elsewhere need in their environment.

    These lines have the secret, which all other output hides.
    """
    show_start(draw.stderr(), cap, folder)
    if shell:
        sys.stdout.write("\n".join(write_shell_lines(os.environ, environment, shell)) + "\n")
        sys.stdout.flush()
