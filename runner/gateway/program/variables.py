"""Variables that clients read, as data: addresses, keys, and what leads elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file

_LEAST_KEY = 16  # characters; a shorter value of a variable that only looks like a key's is none


@dataclass(frozen=True, slots=True)
class AddressVariable:
    """A variable that clients read an address from.

    Attributes:
        variable: its name.
        provider: whose address it is; empty where it is of none that is known.
        behind: what the address has behind the provider's name.
        clients: that read it.
        basis: `tried` or `read`.
    """

    variable: str
    provider: str
    behind: str
    clients: str
    basis: str

    def write_address(self, door_url: str) -> str:
        """Return the address that leads through the door."""
        return f"{door_url}/{self.provider}".rstrip("/") + self.behind


def list_addresses() -> tuple[AddressVariable, ...]:
    """Return the variables that clients read addresses from."""
    return tuple(AddressVariable(**row) for row in _load()["addresses"])


def list_removed() -> frozenset[str]:
    """Return the variables that would make a client ask another way."""
    return frozenset(_load()["removed"])


def is_key_variable(name: str, value: str) -> bool:
    """Return whether a variable holds a key of some provider, by its name."""
    if name in _load()["keys"]:
        return True
    return len(value.strip()) >= _LEAST_KEY and _key_pattern().fullmatch(name.upper()) is not None


def find_cloud(name: str) -> str | None:
    """Return whose models a variable of this name lets a program ask elsewhere; None if none."""
    rows = _load()["elsewhere"]
    return next((str(row["what"]) for row in rows if name.startswith(row["begins"])), None)


@cache
def _key_pattern() -> re.Pattern[str]:
    words = "|".join(_load()["words"])
    return re.compile(rf"(?:{words})(?:_\w+)?_(?:API_?KEY(?:_?\w+)?|KEY|TOKEN)|GOOGLE_API_KEY_\w+")


@cache
def _load() -> Any:  # noqa: ANN401 - rows of several kinds
    return read_data_file(Path(__file__).with_name("client_variables.yaml"))
