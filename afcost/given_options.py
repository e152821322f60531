"""Which options were given on the command line."""

from __future__ import annotations

from collections.abc import Collection

import click
from click.core import ParameterSource


def refuse_options_but(taken: Collection[str], why: str) -> None:
    """Refuse options that say nothing about what a command was given.

    Args:
        taken: the names of those that do, as the command's function has them.
        why: they are refused: what stands behind the option's name.

    Raises:
        click.UsageError: one was given.
    """
    context = click.get_current_context()
    for each in context.command.params:
        if not isinstance(each, click.Option) or each.name is None or each.name in taken:
            continue
        if context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{max(each.opts, key=len)} {why}")
