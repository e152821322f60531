"""A click group that imports each command only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are modules, each exporting a click command.

    Args:
        modules: name -> (module, what the help says). The help stands here, so that showing it
            imports nothing else.
        more: what `click.Group` takes.
    """

    def __init__(self, *, modules: dict[str, tuple[str, str]], **more: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**more)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the command names in the order they were registered."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in self._modules:
            return None
        command = getattr(import_module(self._modules[cmd_name][0]), f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - a command's module exports it
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._modules.items()])
