"""`afcost estimate -- COMMAND`: rehearse a program, and forecast what its calls cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.given_options import refuse_options_but
from afcost.guard_options import choose_providers, read_prices
from afcost.options import today
from afcost.program_words import name_program
from afcost.rendering import console as draw
from afcost.rendering.estimate.program_view import show_program_estimate
from estimator.recorded import (
    ProgramOptions,
    estimate_recording,
    save_program_plan,
)
from estimator.user_dirs import price_folder
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources import read_price_lists, read_user_prices
from runner.rehearsal import RehearsalOptions, read_replies, rehearse

_TAKEN = {
    *("model", "price", "prices", "on", "reply", "default_max_tokens", "once", "timeout"),
    *("study", "run_dir", "format", "raw", "output", "fail_over"),
}
_AS_GIVEN = ("reply", "once", "study", "run_dir", "format", "raw", "output", "fail_over")


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """What is asked of a program's estimate, as the options of `afcost estimate` say it."""

    command: tuple[str, ...]
    models: tuple[str, ...]
    prices: tuple[str, ...]
    price_files: tuple[Path, ...]
    run_date: date
    reply: Path | None
    default_limit: int | None
    once: bool
    seconds: float
    study: str | None
    run_dir: Path | None
    format: str
    raw: bool
    output: Path | None
    fail_over: Money | None


def read_request(command: tuple[str, ...]) -> ProgramRequest:
    """Return what is asked, by the options that the command was given."""
    given = click.get_current_context().params
    return ProgramRequest(
        command=command,
        models=given["model"],
        prices=given["price"],
        price_files=given["prices"],
        run_date=given["on"] or today(),
        default_limit=given["default_max_tokens"],
        seconds=given["timeout"],
        **{name: given[name] for name in _AS_GIVEN},
    )


def estimate_program(asked: ProgramRequest) -> None:
    """Rehearse a program, and show what its calls cost.

    Raises:
        Refused: it costs more than was allowed.
    """
    refuse_options_but(_TAKEN, "is for an experiment's file, not for a program")
    if asked.models and asked.output:
        raise click.UsageError("a plan is of the program as it is; leave out --model, or -o")
    providers = choose_providers((), ())
    files, own = (
        read_user_prices([Path.cwd()], asked.price_files),
        read_prices(asked.prices, providers),
    )
    book = PriceBook(today(), files, read_price_lists(price_folder()), own)
    rehearsal = RehearsalOptions(
        providers,
        book,
        seconds=asked.seconds,
        once=asked.once,
        default_limit=asked.default_limit,
        replies=read_replies(asked.reply) if asked.reply else None,
        note=lambda said: draw.print_text(draw.stderr(), f"afcost: {said}", "dim"),
    )
    recording = rehearse(asked.command, rehearsal, os.environ)
    options = ProgramOptions(
        study=asked.study or name_program(asked.command),
        book=book,
        providers=providers,
        run_date=asked.run_date,
        replaced=read_replaced(asked.models),
        default_limit=asked.default_limit,
        prices=asked.prices,
    )
    estimate = estimate_recording(recording, options)
    if asked.output:
        plan = save_program_plan(estimate.plan, recording, asked.output)
        estimate = replace(estimate, plan=plan)
    show_program_estimate(estimate, asked.format, asked.output, asked.run_dir, raw=asked.raw)
    book.keep_answers()
    highest = estimate.plan.total.q95
    if asked.fail_over is not None and highest > asked.fail_over.as_float:
        said = f"the 95% quantile, {draw.format_dollars(highest)}"
        raise Refused(f"{said}, is above {asked.fail_over}")


def read_replaced(written: Sequence[str]) -> dict[str, str]:
    """Return the models of `--model OLD=NEW`, or `--model NEW` for those that read no answers."""
    replaced: dict[str, str] = {}
    for each in written:
        old, equals, new = each.partition("=")
        name, taken = (old, new) if equals else ("", old)
        if not taken or name in replaced:
            raise click.BadParameter(f"--model {each}: expected OLD=NEW, each OLD once, or one NEW")
        replaced[name] = taken
    return replaced
