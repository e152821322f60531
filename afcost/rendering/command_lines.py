"""Command lines of afcost that are shown to be copied, with the sentence that says what for."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from afcost.rendering.console import show
from pricing.money import Money
from runner.database_address import without_password

_PICO_PER_CENT = 10**10


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do: a sentence, and the command lines of which one does it."""

    sentence: str
    commands: tuple[str, ...]


def name_command(
    command: str, path: Path, run_dir: Path | None = None, ledger: str | None = None
) -> str:
    """Return a command line of afcost, so that it can be copied.

    Args:
        command: such as `run`.
        path: its argument.
        run_dir: the study's run folder; None for the default.
        ledger: the address of a shared one; its password is left out. None for that of the folder.
    """
    return f"afcost {command} {quote_path(path)}{name_place(run_dir, ledger)}"


def name_place(run_dir: Path | None, ledger: str | None = None) -> str:
    """Return the options that say where a study is, with a space before each; as `name_command`."""
    folder = f" --run-dir {quote_path(run_dir)}" if run_dir else ""
    return folder + (f" --ledger {shlex.quote(show(without_password(ledger)))}" if ledger else "")


def round_up_to_cents(amount: Money) -> str:
    """Return US dollars as `--cap` takes them, so that they are no less than an amount: `4.97`."""
    cents = -(-amount.pico // _PICO_PER_CENT)
    return f"{cents / 100:.2f}"


def format_advice(advice: Advice) -> list[str]:
    """Return advice as lines; several command lines have one each."""
    if len(advice.commands) == 1:
        return [f"{advice.sentence}:  {advice.commands[0]}"]
    return [f"{advice.sentence}:", *(f"  {command}" for command in advice.commands)]


def print_advice(console: Console, steps: Sequence[Advice]) -> None:
    """Print what to do next; a command line is never broken, so that it can be copied."""
    for advice in steps:
        for line in format_advice(advice):
            is_sentence = line.endswith(":")
            console.print(Text(show(line)), soft_wrap=None if is_sentence else True)


def shorten_path(path: Path) -> Path:
    """Return a path relative to the working folder, where it is in it."""
    here = Path(os.path.realpath(Path.cwd()))
    return path.relative_to(here) if path.is_relative_to(here) else path


def quote_path(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(show(str(path)))
