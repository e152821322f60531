"""Where a run stands, in a line."""

from __future__ import annotations

from runner.results import Report


def describe_outcome(report: Report) -> str:
    """Describe a run's outcome in a phrase."""
    ends = {
        "cap": "PARTIAL: stopped at the cap",
        "interrupted": "PARTIAL: interrupted",
        "expired": "PARTIAL: the approval has expired",
        "stopped": "PARTIAL: stopped",
        "failed": "PARTIAL: some requests failed",
        "": "PARTIAL: ended unexpectedly",
    }
    return report.outcome if report.outcome != "partial" else ends.get(report.end, "PARTIAL")


def describe_balance(report: Report) -> str:
    """Return a run's balance in one line."""
    balance = report.balance
    parts = [f"spent {balance.settled}"]
    if balance.held:
        parts.append(f"held {balance.held} (sent, possibly billed)")
    if reserved := balance.reserved + balance.aside:
        parts.append(f"reserved {reserved}")
    return f"{', '.join(parts)}, {balance.free} left of the cap {balance.cap}"
