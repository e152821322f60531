"""Lazy names: what a package exports of a module that is imported when it is first asked for.

A command that does not need numpy, jinja2 or aiohttp starts without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def import_on_demand(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, by which it has names of modules that it imports then.

    Args:
        package: its `__name__`.
        modules: name -> the module in the package that it is of.
    """

    def find_name(name: str) -> Any:  # noqa: ANN401 - classes, functions and errors
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return find_name
