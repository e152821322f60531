"""The help: commands in groups, every option explained, and nothing wider than a terminal."""

from __future__ import annotations

import re

import click
import pytest

from afcost.cli import COMMANDS, cli, run_cli
from afcost.commands.data.models import models_command
from afcost.commands.data.prices import prices_command

COMMAND_LINES = [
    *([name] for name in cli.list_commands(click.Context(cli))),
    *(["models", name] for name in models_command.list_commands(click.Context(models_command))),
    *(["prices", name] for name in prices_command.list_commands(click.Context(prices_command))),
]


def command_at(line: list[str]) -> click.Command:
    command: click.Command | None = cli
    for name in line:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


@pytest.fixture
def help_of(monkeypatch, capsys):
    def show(*line: str) -> str:
        monkeypatch.setenv("COLUMNS", "80")
        assert run_cli([*line, "--help"]) == 0
        return capsys.readouterr().out

    return show


def test_commands_are_listed_in_groups_with_their_texts_aligned(help_of):
    shown = help_of()
    headings = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert headings == ["Options", *COMMANDS]
    columns = set()
    for commands in COMMANDS.values():
        for name, (_, text) in commands.items():
            (line,) = re.findall(rf"^  {name} +{re.escape(text)}$", shown, re.MULTILINE)
            columns.add(line.index(text))
    assert len(columns) == 1


def test_a_group_is_a_folder():
    for commands in COMMANDS.values():
        assert len({module.rsplit(".", 1)[0] for module, _ in commands.values()}) == 1


@pytest.mark.parametrize("line", COMMAND_LINES, ids=" ".join)
def test_the_help_of_a_command_fits_and_explains_every_option(help_of, line):
    assert max(map(len, help_of(*line).splitlines())) <= 80
    command = command_at(line)
    assert command.name == line[-1]
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name
