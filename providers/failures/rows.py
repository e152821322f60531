"""Rows of `failures.yaml`, checked and compiled once: which error each is, and what that means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from providers.failures.body import ErrorBody, normalize_name
from providers.failures.failure import Billed, FailureMeaning, FailureScope

_FILE = Path(__file__).with_name("failures.yaml")
_FIELDS = frozenset(
    (
        "id",
        "on",
        "when",
        "means",
        "scope",
        "again",
        "billed",
        "free",
        "wait",
        "at_least",
        "source",
        "sure",
    )
)
_NAMES = frozenset(
    (
        "name",
        "code",
        "type",
        "status",
        "reason",
        "param",
        "quota",
        "error_code",
        "limit_source",
        "error_type",
        "availability",
        "has",
    )
)
_TESTS = _NAMES | {"message", "unless", "page", "empty", "asked_wait"}
MOMENTS = ("next_day_utc", "next_day_pacific", "next_day_beijing", "next_month")
_SCOPES = {
    FailureMeaning.OUT_OF_MONEY: FailureScope.ACCOUNT,
    FailureMeaning.SPEND_LIMIT: FailureScope.ACCOUNT,
    FailureMeaning.RATE_LIMIT: FailureScope.MODEL,
    FailureMeaning.OVERLOADED: FailureScope.MODEL,
    FailureMeaning.UNKNOWN_MODEL: FailureScope.MODEL,
    FailureMeaning.FORBIDDEN: FailureScope.MODEL,
    FailureMeaning.BAD_KEY: FailureScope.PROVIDER,
    FailureMeaning.NOT_AVAILABLE_REGION: FailureScope.PROVIDER,
}
_MAY_BE_BILLED = {
    FailureMeaning.FILTERED,
    FailureMeaning.SERVER,
    FailureMeaning.TIMEOUT,
    FailureMeaning.OVERLOADED,
    FailureMeaning.UNREADABLE,
}
_STATUSES = range(100, 600)
_REFUSED = frozenset(range(300, 500)) - {408, 499}  # before any work; these two leave it open


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of an error, all of it.

    Attributes:
        names: field -> patterns of names, of which it has one.
        message, unless: found, and not found, in its words.
        page, empty, asked_wait: as the error must be; None where it does not matter.
    """

    names: Mapping[str, tuple[str, ...]]
    message: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    page: bool | None = None
    empty: bool | None = None
    asked_wait: bool | None = None

    def holds(self, said: ErrorBody, *, asked_wait: bool) -> bool:
        """Return whether an error is as it says."""
        words = said.words
        return (
            self.page in {None, said.is_page}
            and self.empty in {None, not said.message}
            and self.asked_wait in {None, asked_wait}
            and not (self.message and not self.message.search(words))
            and not (self.unless and self.unless.search(words))
            and all(_has_name(said, field, patterns) for field, patterns in self.names.items())
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One row; see the head of `failures.yaml`.

    Attributes:
        billed: None for the default of the error's status.
    """

    id: str
    statuses: frozenset[int]
    when: tuple[Condition, ...]
    means: FailureMeaning
    scope: FailureScope
    again: bool
    billed: Billed | None
    free: str
    wait: float | str | None
    at_least: str | None
    source: str
    sure: str

    def decides(self, status: int | None, said: ErrorBody, *, asked_wait: bool) -> bool:
        """Return whether it is about this error; of status None where it states none."""
        if status is not None and status not in self.statuses:
            return False
        if not self.when:
            return status is not None
        return any(each.holds(said, asked_wait=asked_wait) for each in self.when)

    def decide_billed(self, status: int | None) -> Billed:
        """Return whether it is billed, where no document says that it is not."""
        if self.billed is not None:
            return self.billed
        if self.means in _MAY_BE_BILLED:
            is_free = self.means is not FailureMeaning.FILTERED and status in _REFUSED
        else:
            is_free = status in _REFUSED or status is None
        return Billed.NO if is_free else Billed.MAYBE


@cache
def load_rows() -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of each vendor, those that only name a status last.

    Raises:
        ValueError: a row says what no row may say; names it.
    """
    document: dict[str, list[dict[str, Any]]] = read_data_file(_FILE)
    return {vendor: _sort_rows(map(_parse_row, rows)) for vendor, rows in document.items()}


@cache
def parse_statuses(written: str) -> frozenset[int]:
    """Parse statuses: `429`, `400|403`, `400-422`, `5xx`, `any`.

    Raises:
        ValueError: they are none.
    """
    found: set[int] = set()
    for part in written.split("|"):
        if part == "any":
            found.update(_STATUSES)
        elif re.fullmatch("[1-5]xx", part):
            found.update(range(int(part[0]) * 100, int(part[0]) * 100 + 100))
        elif match := re.fullmatch("([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", part):
            found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
        else:
            raise ValueError(f"{written!r} is no status")
    return frozenset(found)


def _sort_rows(rows: Any) -> tuple[Row, ...]:  # noqa: ANN401 - an iterable of rows
    return tuple(sorted(rows, key=lambda row: not row.when))


def _parse_row(row: dict[str, Any]) -> Row:
    name = row.get("id", row)
    if unknown := row.keys() - _FIELDS:
        raise ValueError(f"{name}: unknown fields {', '.join(sorted(unknown))}")
    try:
        means = FailureMeaning(row["means"])
        when = row.get("when", [])
        wait, at_least = row.get("wait"), row.get("at_least")
        if any(isinstance(each, str) and each not in MOMENTS for each in (wait, at_least)):
            raise ValueError(f"{wait or at_least} is no wait")  # noqa: TRY301 - named below
        return Row(
            id=row["id"],
            statuses=parse_statuses(str(row["on"])),
            when=tuple(
                _parse_condition(each) for each in (when if isinstance(when, list) else [when])
            ),
            means=means,
            scope=FailureScope(row.get("scope", _SCOPES.get(means, FailureScope.REQUEST))),
            again=row.get("again", means.passes),
            billed=Billed(row["billed"]) if "billed" in row else None,
            free=row.get("free", ""),
            wait=wait,
            at_least=at_least,
            source=row["source"],
            sure=row["sure"],
        )
    except (KeyError, ValueError, TypeError, re.error) as error:
        raise ValueError(f"failures.yaml, {name}: {error}") from error


def _parse_condition(given: dict[str, Any]) -> Condition:
    if unknown := given.keys() - _TESTS:
        raise ValueError(f"unknown conditions {', '.join(sorted(unknown))}")

    def compile_words(key: str) -> re.Pattern[str] | None:
        return re.compile(given[key], re.IGNORECASE) if key in given else None

    names = {key: _list_patterns(key, given[key]) for key in given if key in _NAMES}
    flags = {key: given.get(key) for key in ("page", "empty", "asked_wait")}
    return Condition(names, compile_words("message"), compile_words("unless"), **flags)


def _list_patterns(key: str, given: list[str]) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError(f"{key} is no list")
    return tuple(str(each) if key == "has" else normalize_name(each) for each in given)


def _has_name(said: ErrorBody, field: str, patterns: tuple[str, ...]) -> bool:
    found = said.has if field == "has" else said.names.get(field, frozenset())
    return any(
        pattern in found
        if "*" not in pattern
        else any(fnmatchcase(name, pattern) for name in found)
        for pattern in patterns
    )
