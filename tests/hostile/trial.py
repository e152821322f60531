"""Trying inputs: which of them are tried in every run of the tests, and how one is tried.

One of ten is drawn from each kind, always the same ones; `pytest -m campaigns` tries one of five of
the others, and `pytest -m hostile` the rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.hostile_input import HostileInput, read_inputs
from tests.hostile.journey import clear, travel
from tests.hostile.promises import broken_promises
from tests.hostile.scene import Scene
from tests.hostile.server import HostileServer
from tests.hostile.worker import Command, Done

INPUTS = read_inputs()
_SHARE, _CAMPAIGNS_SHARE = 10, 5


def hostile(*kinds: str) -> Any:
    """Return the parameters of a test that tries all inputs of these kinds."""
    given = [each for each in INPUTS if each.kind in kinds]
    always = {name for kind in kinds for name in _draw(kind, set(), _SHARE)}
    often = {name for kind in kinds for name in _draw(kind, always, _CAMPAIGNS_SHARE)}
    marks = dict.fromkeys(often, pytest.mark.campaigns) | dict.fromkeys(always, ())
    marked = [pytest.param(each, marks=marks.get(each.name, pytest.mark.hostile)) for each in given]
    return pytest.mark.parametrize("given", marked, ids=[each.name for each in given])


def try_input(
    given: HostileInput, scene: Scene, server: HostileServer, start: Callable[[Command], Done]
) -> None:
    """Give an input to the commands, and see that all promises hold."""
    journey = travel(given, scene, server, start)
    broken = list(dict.fromkeys(broken_promises(given, journey, server)))
    clear(scene)
    assert not broken, f"{given.what}:\n" + "\n".join(broken)


def _draw(kind: str, but: set[str], share: int) -> list[str]:
    """Draw one of so many of a kind, at least one, but for those that are drawn already."""
    names = [each.name for each in INPUTS if each.kind == kind and each.name not in but]
    return random.Random(kind).sample(names, -(-len(names) // share))
