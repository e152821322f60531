"""A click group that imports each command only when it is called, and lists them by heading."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import click

LazyCommands = Mapping[str, tuple[str, str]]  # command -> (its module, what the help says)


class LazyGroup(click.Group):
    """A group whose commands are modules; the module of `run` exports `run_command`.

    Args:
        sections: a heading in the help -> the commands under it. What the help says about each
            stands there, so that showing it imports nothing else.
        more: what `click.Group` takes.
    """

    def __init__(self, *, sections: Mapping[str, LazyCommands], **more: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**more)
        self._sections = sections
        self._modules = {
            name: module for commands in sections.values() for name, (module, _) in commands.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the command names in the order they were registered."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in self._modules:
            return None
        command = getattr(_import_frozen(self._modules[cmd_name]), f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - a command's module exports it
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands under their headings, without importing any."""
        width = max(map(len, self._modules))
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(width), text) for name, (_, text) in commands.items()]
                )


def _import_frozen(module: str) -> ModuleType:
    """Import a module without looking for garbage, and never look at what it holds again.

    Modules are hundreds of thousands of objects that stay until the end; going through them again
    and again as they are imported takes a sixth of the start.
    """
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()
