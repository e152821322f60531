"""The answers of a ledger, all at once: small ones fit in memory."""

from __future__ import annotations

from experiment.scoring import Completion
from runner.ledger import EarlierAttempt, Ledger, LedgerReader


def answered_completions(ledger: Ledger | LedgerReader) -> dict[str, Completion]:
    """Return each answered request's id -> its last answer."""
    return {
        each.request: each.completion
        for each in _read_attempts(ledger)
        if each.completion is not None
    }


def answered_texts(ledger: Ledger | LedgerReader) -> dict[str, str]:
    """Return each answered request's id -> the text of its last answer."""
    return {request: each.text for request, each in answered_completions(ledger).items()}


def last_attempt_numbers(ledger: Ledger | LedgerReader) -> dict[str, int]:
    """Return each request's id -> the number of its last attempt."""
    return {each.request: each.number for each in _read_attempts(ledger)}


def _read_attempts(ledger: Ledger | LedgerReader) -> list[EarlierAttempt]:
    jobs = ledger._database.execute("SELECT DISTINCT job FROM attempt").fetchall()
    return ledger.earlier_attempts([job for (job,) in jobs])
