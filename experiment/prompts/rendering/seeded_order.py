"""Seeded order: lists shuffled, and values chosen, the same way on any machine and at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

_Value = Any  # whatever a template makes


def shuffle_values(values: Iterable[Any], seed: str) -> list[_Value]:
    """Return values in an order drawn from a seed; the same number of them, the same order."""
    kept = list(values)
    keys = [_hash_place(seed, place) for place in range(len(kept))]
    return [kept[place] for place in sorted(range(len(kept)), key=keys.__getitem__)]


def choose_value(values: Iterable[Any], seed: str) -> _Value:
    """Return one of some values, drawn from a seed.

    Raises:
        ValueError: there is none.
    """
    shuffled = shuffle_values(values, seed)
    if not shuffled:
        raise ValueError("choice: the list is empty")
    return shuffled[0]


def _hash_place(seed: str, place: int) -> bytes:
    return hashlib.sha256(f"{place}:{seed}".encode("utf-8", "surrogatepass")).digest()
