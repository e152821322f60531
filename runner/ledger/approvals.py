"""The approvals in a ledger: in the order in which they arrived, whatever any clock said.

Approvals that were recorded before they had names are known by their time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pricing.money import Money
from runner.approval import DIGEST_PREFIX, Approval
from runner.errors import NotApproved
from runner.ledger.schema import Database, Row, has_names

_SELECT = "SELECT seq, approval.* FROM entry JOIN approval ON {} = note WHERE kind = 'approve'"
_BY_NAME, _BY_TIME = "COALESCE(approval.id, approval.at)", "approval.at"


def read_approvals(database: Database, *, named: bool | None = None) -> list[tuple[int, Approval]]:
    """Return each approval with the number of its entry, oldest first.

    Args:
        database: the ledger.
        named: whether approvals have names; None to look, which costs a query.
    """
    named = has_names(database) if named is None else named
    query = f"{_SELECT.format(_BY_NAME if named else _BY_TIME)} ORDER BY seq"
    return [(int(seq), _from_row(row)) for seq, *row in database.execute(query).fetchall()]


def to_row(approval: Approval) -> Row:
    """Return an approval's columns."""
    at, until = approval.at.astimezone(UTC).isoformat(), approval.until
    limits = (approval.cap.pico, approval.by, until and until.isoformat())
    lists = (json.dumps(approval.confirmed), json.dumps(approval.replaces))
    return (at, approval.plan, *limits, approval.spend_id, *lists)


def refuse_superseded(recorded: list[Approval], approval: Approval) -> bool:
    """Refuse an approval that a later one has replaced.

    Args:
        recorded: the ledger's approvals, oldest first.
        approval: the one to record.

    Returns:
        whether it is recorded already.

    Raises:
        NotApproved: with the newest one.
    """
    if not recorded:
        return False
    newest, name = recorded[-1], approval.spend_id
    if newest.spend_id == name:
        return True
    if not any(name == each.spend_id or name in each.replaces for each in recorded):
        return False
    what = "plan" if newest.plan != approval.plan else "approval"
    raise NotApproved(
        f"a later {what} of this study was approved: plan {newest.plan[:12]}, {newest.describe()}; "
        "run that plan, or approve this one again"
    )


def _from_row(row: Sequence[Any]) -> Approval:
    at, plan, cap, by, until, *named = row
    name, confirmed, replaces = named or (None, None, None)
    return Approval(
        plan=plan,
        cap=Money(int(cap)),
        by=by,
        at=datetime.fromisoformat(at),
        until=datetime.fromisoformat(until) if until else None,
        id="" if name is None or name.startswith(DIGEST_PREFIX) else name,
        confirmed=tuple(json.loads(confirmed)) if confirmed else (),
        replaces=tuple(json.loads(replaces)) if replaces else (),
    )
