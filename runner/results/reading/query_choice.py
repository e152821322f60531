"""Query choice: which queries of a run are read, by index, by text or by a column of their file."""

from __future__ import annotations

from collections.abc import Sequence

from experiment.definition import name_cell
from runner.errors import BadRun
from runner.results.reading.unknown_name import name_unknown
from runner.run_folder import RunFolder


def choose_queries(
    run_folder: RunFolder, texts: Sequence[str], where: Sequence[str]
) -> frozenset[int] | None:
    """Return which queries are asked for, by their indexes; None for all.

    Args:
        run_folder: of the run.
        texts: indexes from 0, or texts that stand in a query, in any case; one must hold.
        where: `COLUMN=VALUE`, of different columns all; no value means an empty cell.

    Raises:
        BadRun: no query of the run has it.
    """
    if not where:
        return _read_queries(run_folder, texts) if texts else None
    wanted: dict[str, set[str | None]] = {}
    for each in where:
        column, value = _read_column(run_folder, each)
        wanted.setdefault(column, set()).add(value)
    found = {
        number
        for number, row in enumerate(run_folder.query_columns)
        if all(name_cell(row.get(column)) in values for column, values in wanted.items())
    }
    return frozenset(found & _read_queries(run_folder, texts) if texts else found)


def _read_column(run_folder: RunFolder, given: str) -> tuple[str, str | None]:
    """Return a column and one of its values, None for an empty cell."""
    rows = run_folder.query_columns
    known = list(dict.fromkeys(name for row in rows for name in row))
    column, is_pair, value = given.partition("=")
    if not is_pair:
        names = ", ".join(known) or "none"
        raise BadRun(f"--where {given!r} is not COLUMN=VALUE; the queries' columns: {names}")
    if column not in known:
        raise name_unknown("--where", column, known, "column of queries")
    values = dict.fromkeys(name_cell(row.get(column)) for row in rows)
    if (value or None) not in values:
        raise name_unknown(f"--where {column}=", value, [each for each in values if each])
    return column, value or None


def _read_queries(run_folder: RunFolder, given: Sequence[str]) -> frozenset[int]:
    chosen: set[int] = set()
    for each in given:
        if each.isdecimal():
            if int(each) >= len(run_folder.queries):
                raise BadRun(
                    f"--query {each}: the run has {len(run_folder.queries):,} queries, from 0 on"
                )
            chosen.add(int(each))
            continue
        text = each.lower()
        found = {n for n, query in enumerate(run_folder.queries) if text in query.lower()}
        if not found:
            raise BadRun(f"--query {each!r}: no query of the run has this text; or give its index")
        chosen |= found
    return frozenset(chosen)
