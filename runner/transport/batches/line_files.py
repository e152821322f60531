"""Files of a chunk's lines: written once, then uploaded or sent from disk, never all in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from providers.batches import BatchLine
from providers.batches.apis import BatchCall
from runner.transport.batches.batch_outcomes import WrittenLines
from runner.transport.batches.batch_route import BatchRoute

_CUSTOM_ID = re.compile("[A-Za-z0-9_-]{1,64}")  # what every known provider takes
_BLOCK = 2**18  # bytes


def write_lines(way: BatchRoute, lines: Iterable[BatchLine], to: Path) -> WrittenLines:
    """Write a chunk's lines; the file is there whole or not at all.

    Raises:
        NotTaken: the provider would refuse a request.
        ValueError: a custom id is none, or is there twice.
    """
    part = to.with_name(f"{to.name}.part")
    seen: set[str] = set()
    try:
        with part.open("wb") as file:
            for line in lines:
                _check_custom_id(line.custom_id, seen)
                body = way.route.write_body(line.request)
                file.write(way.api.write_line(way.target, line.custom_id, body) + b"\n")
            size = file.tell()
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return WrittenLines(to, len(seen), size)


def _check_custom_id(custom_id: str, seen: set[str]) -> None:
    if not _CUSTOM_ID.fullmatch(custom_id):
        raise ValueError(f"{custom_id!r} is no custom id: 1 to 64 letters, digits, _ and -")
    if custom_id in seen:
        raise ValueError(f"the custom id {custom_id} is there twice")
    seen.add(custom_id)


def measure_body(call: BatchCall, path: Path) -> int:
    """Return how many bytes a call has with the lines of a file in its middle."""
    return len(call.body) + _measure_lines(path) + len(call.tail)


async def stream_body(call: BatchCall, path: Path) -> AsyncIterator[bytes]:
    """Return a call's body with the lines of a file in its middle, with commas between them.

    Each line ends in the only line feed that it has: JSON escapes all others.
    """
    left = _measure_lines(path)
    yield call.body
    with path.open("rb") as file:
        while left > 0:
            block = file.read(min(_BLOCK, left))
            if not block:
                raise OSError(f"{path.name} became shorter while it was sent")
            left -= len(block)
            yield block.replace(b"\n", b",")
    yield call.tail


def _measure_lines(path: Path) -> int:
    """Return the bytes of a file's lines without the end of the last."""
    return max(path.stat().st_size - 1, 0)
