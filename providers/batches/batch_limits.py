"""What a provider's batches are like: how large, how long, and how one is found again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from providers.provider import Provider


class FindBy(StrEnum):
    """How a batch is found whose creation was not answered."""

    METADATA = "metadata"
    FILE = "file"
    DISPLAY_NAME = "display_name"
    CUSTOM_IDS = "custom_ids"


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a provider's batches are like; a row of `batches.yaml`.

    Attributes:
        provider: its name.
        api: which module speaks it.
        requests: the most lines of one batch.
        bytes: the most bytes of its lines, as they are sent.
        hours: after which a batch has ended, one way or another.
        days: for which results are kept.
        find_by: how a batch is found again.
        newest_first: whether its list is known to be in that order.
        lists_all: whether its list is known to have no pages.
        cancels: whether a batch can be ended.
        windows: how long it may be asked to take, in the provider's words; the first is asked for.
        queued_tokens: the most input tokens of one model that may wait; None where there is no
            one number.
        is_queue_limited: whether the tokens that wait are limited, if only by account.
        free: who says that a line that failed is not billed; empty where it is not documented.
        sources: of all that.
        answer_bytes: the most that an answer with all results in it may have; None where results
            are files, which may be as large as they are.
        checked: the day on which they were read.
    """

    provider: str
    api: str
    requests: int
    bytes: int
    hours: int
    days: int
    find_by: FindBy
    newest_first: bool
    lists_all: bool
    cancels: bool
    windows: tuple[str, ...]
    queued_tokens: int | None
    is_queue_limited: bool
    free: str
    sources: tuple[str, ...]
    checked: str
    answer_bytes: int | None = None


def find_batch_limits(provider: Provider) -> BatchLimits | None:
    """Return what a provider's batches are like; None where it has none that is known.

    It is found by the provider's name, also where its requests go to another address. A server that
    speaks the API of another has no batches unless it is listed itself.
    """
    return _load_rows().get(provider.name)


@cache
def _load_rows() -> dict[str, BatchLimits]:
    rows = read_data_file(Path(__file__).with_name("batches.yaml"))
    return {name: _parse_row(name, row) for name, row in rows.items()}


def _parse_row(name: str, row: dict[str, Any]) -> BatchLimits:
    return BatchLimits(
        provider=name,
        api=row["api"],
        requests=row["requests"],
        bytes=row["bytes"],
        hours=row["hours"],
        days=row["days"],
        find_by=FindBy(row["find_by"]),
        newest_first=row["newest_first"],
        lists_all=row.get("lists_all", False),
        cancels=row["cancels"],
        windows=tuple(row.get("windows", ())),
        queued_tokens=row.get("queued_tokens"),
        is_queue_limited="queued" in row or "queued_tokens" in row,
        free=row.get("free", ""),
        sources=tuple(row["sources"]),
        checked=str(row["checked"]),
        answer_bytes=row.get("answer_bytes"),
    )
