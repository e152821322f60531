"""Job rows: the attempts of jobs with their answers, as the tables have them.

Who asks for jobs that were begun one after the other finds their rows near each other, since both
tables grow in the order of the entries. SQLite numbers its rows, and reads a stretch of them in
half the time that finding each one by its id takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from runner.ledger.reading.queries import list_marks, split
from runner.ledger.reading.rows import ANSWERED
from runner.ledger.schema import Database, Row

JobRows = tuple[dict[str, Row], dict[str, Row]]  # attempts, and answers, by the attempts' ids
_SELECT_JOINED = (
    "SELECT attempt.*, answer.* FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id "
    "WHERE job IN ({})"
)
_FIND_ATTEMPTS = "SELECT COUNT(*), MIN(rowid), MAX(rowid) FROM attempt WHERE job IN ({})"
_FIND_ANSWERS = "SELECT COUNT(*), MIN(rowid), MAX(rowid) FROM answer WHERE attempt IN ({})"
_SELECT_ATTEMPTS = "SELECT * FROM attempt WHERE rowid BETWEEN ? AND ?"
_SELECT_ANSWERS = "SELECT * FROM answer WHERE rowid BETWEEN ? AND ?"
_SELECT_FAR_ANSWERS = "SELECT * FROM answer WHERE attempt IN ({})"
_MOST_OTHERS = 2  # rows of others to each one that is asked for; with more, each is looked for
_SAMPLED = 50  # answers that say where those of the others are
_MOST_ASKED = 1000  # by their ids at a time


def read_job_rows(database: Database, jobs: Sequence[str]) -> JobRows:
    """Return the attempts of some jobs, and their answers."""
    if isinstance(database, sqlite3.Connection):
        attempts = _read_near_attempts(database, jobs)
        if attempts is not None:
            return attempts, _read_answers(database, list(attempts))
    rows = database.execute(_SELECT_JOINED.format(list_marks(jobs)), jobs).fetchall()
    answers = {row[0]: row[ANSWERED:] for row in rows if row[ANSWERED] is not None}
    return {row[0]: row[:ANSWERED] for row in rows}, answers


def _read_near_attempts(database: sqlite3.Connection, jobs: Sequence[str]) -> dict[str, Row] | None:
    """Return the attempts of some jobs by their ids; None where they stand far from each other."""
    query = _FIND_ATTEMPTS.format(list_marks(jobs))
    count, first, last = database.execute(query, jobs).fetchone()
    if not count or last - first > _MOST_OTHERS * count:
        return None
    wanted = frozenset(jobs)
    rows = database.execute(_SELECT_ATTEMPTS, (first, last))
    return {row[0]: row for row in rows if row[1] in wanted}


def _read_answers(database: sqlite3.Connection, attempts: list[str]) -> dict[str, Row]:
    """Return the answers to some attempts by their ids: those near each other, then the others."""
    sample = attempts[:: max(len(attempts) // _SAMPLED, 1)]
    query = _FIND_ANSWERS.format(list_marks(sample))
    count, first, last = database.execute(query, sample).fetchone()
    found: dict[str, Row] = {}
    if count and last - first <= _MOST_OTHERS * len(attempts):
        wanted = frozenset(attempts)
        rows = database.execute(_SELECT_ANSWERS, (first, last))
        found = {row[0]: row for row in rows if row[0] in wanted}
    for some in split((each for each in attempts if each not in found), _MOST_ASKED):
        rows = database.execute(_SELECT_FAR_ANSWERS.format(list_marks(some)), some)
        found |= {row[0]: row for row in rows}
    return found
