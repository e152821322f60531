"""What an SQLite file may hold before its rows are read: our tables, values of their types.

A stranger's file can hold views that never end, triggers that change what is written, computed
columns, and texts in the place of amounts.
"""

from __future__ import annotations

import sqlite3
from functools import cache

_MAX_VALUE_BYTES = 32 << 20  # far beyond the largest answer that is stored
_HAS_ITS_TYPE = {  # a list of both types takes twice the time, on every value of a long ledger
    "TEXT": "(typeof({0}) = 'text' OR {0} IS NULL)",
    "BIGINT": "(typeof({0}) = 'integer' OR {0} IS NULL)",
}
_SELECT_SCHEMA = (  # without the indexes that SQLite makes by itself
    "SELECT type, name, sql FROM sqlite_master "
    "WHERE NOT (type = 'index' AND sql IS NULL AND name LIKE 'sqlite_autoindex_%')"
)
_Columns = tuple[tuple[str, str], ...]  # name, type


def refuse_foreign_content(
    connection: sqlite3.Connection, statements: str, *, knows_values: bool = False
) -> None:
    """Refuse a database that is not as some statements create it; newer columns may be missing.

    Args:
        connection: of the database.
        statements: of all tables, indexes and triggers.
        knows_values: whether each of its values is known to have its column's type.

    Raises:
        sqlite3.DatabaseError: names what is foreign.
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    tables, others = _read_own(statements)
    for kind, name, text in connection.execute(_SELECT_SCHEMA).fetchall():
        if kind == "table" and name in tables:
            found = _read_known_columns(connection, name, tables[name])
            if not knows_values:
                _refuse_foreign_values(connection, name, found)
        elif (kind, name, _join_words(text)) not in others:
            raise sqlite3.DatabaseError(f"it holds the {kind} {name!r}, which afcost did not make")


def _read_known_columns(connection: sqlite3.Connection, table: str, own: _Columns) -> _Columns:
    found = _list_columns(connection, table)
    if not found or found != own[: len(found)]:
        raise sqlite3.DatabaseError(f"its table {table} has other columns")
    return found


def _refuse_foreign_values(connection: sqlite3.Connection, table: str, found: _Columns) -> None:
    fits = " AND ".join(_HAS_ITS_TYPE[kind].format(f'"{name}"') for name, kind in found)
    query = f"SELECT 1 FROM {table} WHERE NOT ({fits}) LIMIT 1"  # noqa: S608 - our own names
    if connection.execute(query).fetchone():
        raise sqlite3.DatabaseError(f"its table {table} holds a value of another type")


def _list_columns(connection: sqlite3.Connection, table: str) -> _Columns:
    """Return the columns of a table; a computed one has a type of its own."""
    rows = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
    return tuple(
        (name, f"{kind} computed" if hidden else kind) for _, name, kind, *_, hidden in rows
    )


@cache
def _read_own(statements: str) -> tuple[dict[str, _Columns], frozenset[tuple[str, str, str]]]:
    own = sqlite3.connect(":memory:")
    try:
        own.executescript(statements)
        made = own.execute(_SELECT_SCHEMA).fetchall()
        tables = {name: _list_columns(own, name) for kind, name, _ in made if kind == "table"}
        others = {(kind, name, _join_words(text)) for kind, name, text in made if kind != "table"}
        return tables, frozenset(others)
    finally:
        own.close()


def _join_words(statement: object) -> str:
    return " ".join(str(statement).split())
