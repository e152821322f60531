"""The texts of a ledger's answers."""

from __future__ import annotations

from runner.ledger.ledger import Ledger


def answered_texts(ledger: Ledger) -> dict[str, str]:
    """Return each answered request's id -> the text of its last answer."""
    return {request: each.text for request, each in ledger.answered_completions().items()}
