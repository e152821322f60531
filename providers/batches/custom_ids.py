"""Names of chunks and of their lines.

Anthropic and OpenRouter keep no name of a batch: of what was sent, only the `custom_id` of each
line comes back. It is made so that any one of them says whose ledger, which chunk and which line it
is: `afc-LEDGER-CHUNK-LINE`. All known providers take 1 to 64 letters, digits, `_` and `-`.
"""

from __future__ import annotations

import hashlib
import re

_MARK = "afc"
_LINE = re.compile(rf"({_MARK}-[0-9a-f]{{16}}-[0-9]{{1,9}})-([0-9]{{1,9}})")


def name_chunk(ledger: str, number: int) -> str:
    """Return the name of a chunk: the same for the same ledger and number, and no other's.

    Args:
        ledger: what identifies the ledger; of it only a digest is told.
        number: of the chunk in this ledger, from 0.
    """
    digest = hashlib.sha256(f"batches of {ledger}".encode()).hexdigest()[:16]
    return f"{_MARK}-{digest}-{number}"


def name_line(chunk: str, number: int) -> str:
    """Return the `custom_id` of a chunk's line, which are counted from 0."""
    return f"{chunk}-{number}"


def parse_line_name(custom_id: str) -> tuple[str, int] | None:
    """Return the chunk and the number of a line; None where `name_line` made no such name."""
    found = _LINE.fullmatch(custom_id)
    return (found[1], int(found[2])) if found else None
