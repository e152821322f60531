"""An approval: who allowed which plan to spend how much, and until when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pricing.money import Money

_MAX_CAP = 4 * 10**18  # pico-dollars, which a ledger can still sum
DIGEST_PREFIX = "sha256:"  # of the name of an approval that has none of its own


class Approvable(Protocol):
    """A plan, of an experiment or of a program."""

    @property
    def digest(self) -> str:
        """What is approved."""
        ...


@dataclass(frozen=True, slots=True)
class Approval:
    """A cap on what a plan may spend, over all of its runs.

    Attributes:
        plan: digest of the approved plan.
        cap: the most that providers may bill.
        by: who approved it.
        at, until: from when to when; `until` is None where it does not expire.
        id: a random name, by which it is spent once; empty in approvals of before there were any.
        confirmed: what the approver confirmed besides the amount: keys that go elsewhere, prices.
        replaces: the names of the approvals that stood in its file before it.
    """

    plan: str
    cap: Money
    by: str
    at: datetime
    until: datetime | None = None
    id: str = ""
    confirmed: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    @property
    def spend_id(self) -> str:
        """The name under which it is spent: its own or, where it has none, its digest."""
        if self.id:
            return self.id
        at, until = (each and each.astimezone(UTC).isoformat() for each in (self.at, self.until))
        content = json.dumps([self.plan, self.cap.pico, self.by, at, until])
        return f"{DIGEST_PREFIX}{hashlib.sha256(content.encode()).hexdigest()}"

    def describe(self) -> str:
        """Return the approval in a few words, for messages."""
        return f"of {self.cap} by {self.by} at {self.at:%Y-%m-%d %H:%M} (id {self.spend_id[:19]})"

    def to_json(self) -> dict[str, Any]:
        """Return the approval as JSON."""
        return {
            "plan": self.plan,
            "cap_usd": self.cap.to_decimal_string(),
            "by": self.by,
            "at": self.at.isoformat(),
            "until": self.until and self.until.isoformat(),
            "id": self.id,
            "confirmed": list(self.confirmed),
            "replaces": list(self.replaces),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Approval:
        """Read the JSON that `to_json` returns.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is something else.
        """
        return cls(
            plan=str(data["plan"]),
            cap=_read_cap(data["cap_usd"]),
            by=str(data["by"]),
            at=_read_time("at", data["at"]),
            until=_read_time("until", data["until"]) if data["until"] else None,
            id=str(data.get("id", "")),
            confirmed=tuple(map(str, data.get("confirmed", ()))),
            replaces=tuple(map(str, data.get("replaces", ()))),
        )


def _read_cap(text: str) -> Money:
    cap = Money.from_usd(text)
    if not 0 < cap.pico <= _MAX_CAP:
        raise ValueError(f"cap_usd is {text}, expected an amount above 0")
    return cap


def _read_time(name: str, text: str) -> datetime:
    """Read a time with its zone: without one, it would mean another moment elsewhere."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{name} is {text!r}, a time without a zone, such as +00:00")
    return time
