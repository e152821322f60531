"""Dependencies point one way: afcost -> runner -> estimator -> pricing, experiment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MAY_IMPORT = {
    "experiment": set(),
    "pricing": set(),
    "providers": {"experiment", "pricing"},
    "estimator": {"experiment", "pricing", "providers"},
    "runner": {"experiment", "pricing", "providers", "estimator"},
    "afcost": {"experiment", "pricing", "providers", "estimator", "runner"},
}
ROOT = Path(__file__).parent.parent


def imported(path: Path) -> set[str]:
    """Give the top-level packages that a module imports anywhere in its text."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_below_it(room):
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules
    for module in modules:
        others = imported(module) & MAY_IMPORT.keys() - {room}
        assert others <= MAY_IMPORT[room], f"{module.relative_to(ROOT)} imports {others}"
