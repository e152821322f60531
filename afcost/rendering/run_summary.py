"""Where a run stands, in a line."""

from __future__ import annotations

from runner.results.report import Report


def headline(found: Report) -> str:
    """Say in a phrase how a run stands."""
    ends = {
        "cap": "PARTIAL: stopped at the cap",
        "interrupted": "PARTIAL: interrupted",
        "expired": "PARTIAL: the approval has expired",
        "stopped": "PARTIAL: stopped",
        "failed": "PARTIAL: some requests failed",
        "": "PARTIAL: ended unexpectedly",
    }
    return found.outcome if found.outcome != "partial" else ends.get(found.end, "PARTIAL")


def money(found: Report) -> str:
    """Give the balance of a run in one line."""
    balance = found.balance
    parts = [f"spent {balance.settled}"]
    if balance.held:
        parts.append(f"held {balance.held} (sent, possibly billed)")
    if reserved := balance.reserved + balance.aside:
        parts.append(f"reserved {reserved}")
    return f"{', '.join(parts)}, {balance.free} left of the cap {balance.cap}"
