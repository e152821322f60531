"""Commands that take another program's words: behind `--`, where no option is theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

_MARK = "--"
_OF_PROGRAMS = ("reply", "default_max_tokens", "once", "timeout")  # options
_PROGRAM = "afcost.program"
_EXPERIMENT = re.compile(r".*\.ya?ml")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_INTERPRETER = re.compile(r"(python|node|uv|npx|bash|sh)[\d.]*")


class ProgramCommand(click.Command):
    """A command whose words behind `--` are a program with its arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words behind `--` for `program_words`; click reads those before it.

        The name of an experiment's file may stand there alone, as behind any command's `--`.
        """
        at = args.index(_MARK) if _MARK in args else len(args)
        program = args[at + 1 :]
        if _MARK in args and not program:
            raise click.UsageError("expected a command after --", ctx)
        if len(program) == 1 and _EXPERIMENT.fullmatch(program[0]):
            return super().parse_args(ctx, args)
        ctx.meta[_PROGRAM] = tuple(program)
        return super().parse_args(ctx, args[:at])


def program_words() -> tuple[str, ...]:
    """Return the words of the program that a command was given; empty without one."""
    words: tuple[str, ...] = click.get_current_context().meta.get(_PROGRAM, ())
    return words


def refuse_program_options() -> None:
    """Refuse options that are about a program where there is none.

    Raises:
        click.UsageError: one was given.
    """
    context = click.get_current_context()
    for name in _OF_PROGRAMS:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for a program: write its command behind --")


def name_program(command: Sequence[str]) -> str:
    """Return the name of a program: of its script, where it has one."""
    scripts = [word for word in command[1:] if not word.startswith("-")]
    is_interpreter = _INTERPRETER.fullmatch(Path(command[0]).name)
    named = scripts[0] if is_interpreter and scripts else command[0]
    return _UNSAFE.sub("-", Path(named).stem).strip("-._")[:60] or "program"
