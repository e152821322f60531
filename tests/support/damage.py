"""Damaged copies of JSON: each of its values replaced by what does not belong there."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_DEEP = "@deep"  # stands for lists within lists, which `json` cannot write
OTHERS = (None, True, -1, 0.5, 10**400, float("nan"), float("inf"), "", "x", "\ud800", [], ["x"],
          {}, {"x": 1}, _DEEP)  # fmt: skip


def list_damaged(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield where a copy is damaged and the copy: each value replaced, and each field left out."""
    for path in _list_paths(document):
        for other in OTHERS:
            yield f"{path} is {str(other)[:20]!r}", _replace(document, path, other)
        if path and isinstance(path[-1], str):
            yield f"{path} is left out", _leave_out(document, path)


def choose_damaged(document: Any, count: int, seed: int = 1) -> list[tuple[str, Any]]:
    """Return a share of all damaged copies, always the same one."""
    damaged = list(list_damaged(document))
    return random.Random(seed).sample(damaged, min(count, len(damaged)))


def write(document: Any) -> str:
    """Return a damaged copy as JSON."""
    return json.dumps(document).replace(json.dumps(_DEEP), "[" * 100_000 + "]" * 100_000)


def _list_paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for name, each in inner:
        yield from _list_paths(each, (*path, name))


def _replace(value: Any, path: tuple[str | int, ...], other: Any) -> Any:
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = _replace(value[path[0]], path[1:], other)
    return copy


def _leave_out(value: Any, path: tuple[str | int, ...]) -> Any:
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _leave_out(value[path[0]], path[1:])
    return copy
