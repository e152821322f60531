"""The history file: a CSV of billed calls, such as `afcost report --answers` writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from estimator.errors import BadHistory
from estimator.forecast.history import History, HistoryCall, Names
from estimator.safe_text import unescape_cell
from experiment.definition import SUBJECT
from experiment.errors import RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, open_file, resolve_path
from experiment.scoring import LENGTH

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_STRATUM = ["stage", "provider", "model", "condition"]
_REQUIRED_COLUMNS = [
    "provider",
    "model",
    "condition",
    "query",
    "stage",
    "input_tokens",
    "output_tokens",
]
_KIND, _VOTE, _FINISH, _LIMIT, _TEXT = "kind", "vote", "finish", "max_tokens", "query_text"
_BOOKED = "booked_output_tokens"  # of a provider that states fewer than it bills
_MOST = 2**53  # tokens
_NAMES_OF_LENGTH = (LENGTH, "max_tokens", "MAX_TOKENS", "max_output_tokens")


def read_history(path: Path) -> History:
    """Read billed usage from a CSV file.

    Args:
        path: csv with columns provider, model, condition, query, stage, input_tokens,
            output_tokens; one row for each billed call. Rows without an output token count as
            none. Where there is a column kind, answers that failed, or were filtered, are left
            out. Columns finish and max_tokens say which answers were cut off, and where; without a
            finish those are that have all of their max_tokens. booked_output_tokens counts where it
            is more than output_tokens. Other columns are ignored.

    Raises:
        BadHistory: no such file, a column is missing, or a count is not a whole number.
    """
    rows, left_out = _read_rows(path)
    calls: dict[Names, list[HistoryCall]] = {}
    columns = [*_STRATUM, "query", "output_tokens", "input_tokens", _LIMIT, _FINISH]
    for *names, query, output, given, limit, finish in rows[columns].itertuples(index=False):
        stage, provider, model, condition = names
        is_cut = finish in _NAMES_OF_LENGTH if finish else 0 < limit <= output
        call = HistoryCall(query, int(output), int(given), int(limit), bool(is_cut))
        calls.setdefault((stage, provider, model, condition), []).append(call)
    said = (
        "row has no output tokens and does"
        if left_out == 1
        else "rows have no output tokens and do"
    )
    note = f"{path.name}: {left_out:,} {said} not count"
    read, answers = _count_read(rows)
    return History(calls, path.name, read, answers, notes=(note,) if left_out else ())


def _read_rows(path: Path) -> tuple[DataFrame, int]:
    """Return the rows that count, with numbers, and how many do not as they have no output."""
    import pandas as pd  # noqa: PLC0415 - costs most of a second

    wanted = {*_REQUIRED_COLUMNS, _KIND, _VOTE, _FINISH, _LIMIT, _TEXT, _BOOKED}
    try:
        with open_file(resolve_path(path), MAX_QUERY_BYTES) as file:
            rows = pd.read_csv(file, dtype=str, keep_default_na=False, usecols=wanted.__contains__)
    except UnicodeDecodeError as error:
        raise BadHistory(f"history {path} is not UTF-8 ({error}); save it as UTF-8") from error
    except (OSError, ValueError, RefusedFile) as error:  # ValueError: of pandas
        raise BadHistory(f"cannot read history {path}: {error}") from error
    if missing := [column for column in _REQUIRED_COLUMNS if column not in rows.columns]:
        raise BadHistory(
            f"history {path} is missing columns {', '.join(missing)}; "
            f"required, separated by commas: {', '.join(_REQUIRED_COLUMNS)}"
        )
    if _KIND in rows.columns:
        rows = rows[~rows[_KIND].isin(["failed", "filtered"])].copy()
    rows["output_tokens"] = _read_output(rows, path)
    for name in ("input_tokens", _LIMIT):
        given = rows[name] if name in rows.columns else pd.Series("0", rows.index)
        rows[name] = pd.to_numeric(given, errors="coerce").fillna(0).clip(0, _MOST)
    if _FINISH not in rows.columns:
        rows[_FINISH] = rows[_KIND].map({"truncated": LENGTH}) if _KIND in rows.columns else ""
    if _TEXT in rows.columns:  # `report --answers` writes it; it is the same in other experiments
        rows["query"] = rows[_TEXT]
    for name in [*_STRATUM, "query"]:
        rows[name] = rows[name].map(unescape_cell)
    is_counted: Series[bool] = rows["output_tokens"] > 0
    return rows[is_counted], int((~is_counted).sum())


def _read_output(rows: DataFrame, path: Path) -> Series[float]:
    """Return the output tokens of each row: those that were booked, where they are more."""
    import pandas as pd  # noqa: PLC0415 - costs most of a second

    counts = pd.to_numeric(rows["output_tokens"].str.strip().replace("", "0"), errors="coerce")
    invalid = rows.index[~((counts >= 0) & (counts < _MOST) & (counts % 1 == 0))]
    if len(invalid):
        raise BadHistory(
            f"history {path}, line {invalid[0] + 2}: output_tokens is "
            f"{rows['output_tokens'][invalid[0]]!r}, expected a whole number"
        )
    if _BOOKED not in rows.columns:
        return counts
    booked = pd.to_numeric(rows[_BOOKED], errors="coerce").fillna(0).clip(0, _MOST)
    return counts.clip(lower=booked)


def _count_read(rows: DataFrame) -> tuple[dict[Names, int], dict[str, int]]:
    """Return `History.read` and `History.answers`: first votes, and subjects' answers."""
    if _VOTE not in rows.columns:
        return {}, {}
    first = rows[rows[_VOTE] == "0"][_STRATUM]
    read: Counter[Names] = Counter()
    answers: Counter[str] = Counter()
    for stage, provider, model, condition in first.to_numpy():
        if stage == SUBJECT:
            answers[condition] += 1
        else:
            read[stage, provider, model, condition] += 1
    return dict(read), dict(answers)
