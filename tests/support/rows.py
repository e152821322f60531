"""One test of many rows of a table, which names every row that fails.

    check_each(ROWS, check_row)     # calls check_row(*row)

A thousand rows of a table of our own are a few milliseconds' work, and as a thousand tests they are
some seconds of pytest's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def check_each(rows: Iterable[tuple[Any, ...]], check: Callable[..., None]) -> None:
    """Check each row.

    Raises:
        AssertionError: with each row that fails and why; also where there is no row.
    """
    checked, failed = list(rows), []
    for row in checked:
        try:
            check(*row)
        except Exception as error:  # noqa: BLE001 - an error of any kind is a row that fails
            failed.append(f"{', '.join(map(str, row))}: {type(error).__name__}: {error}")
    assert checked, "there is nothing to check"
    assert not failed, f"{len(failed)} of {len(checked)} rows fail:\n" + "\n".join(failed)
