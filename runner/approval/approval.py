"""An approval: who allowed which plan to spend how much, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pricing.money import Money


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
    """

    plan: str
    cap: Money
    by: str
    at: datetime
    until: datetime | None = None
    id: str = ""
    confirmed: tuple[str, ...] = ()

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
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Approval:
        """Read the JSON that `to_json` returns."""
        until = data["until"] and datetime.fromisoformat(data["until"])
        at = datetime.fromisoformat(data["at"])
        return cls(
            plan=data["plan"],
            cap=Money.from_usd(data["cap_usd"]),
            by=data["by"],
            at=at,
            until=until,
            id=data.get("id", ""),
            confirmed=tuple(data.get("confirmed", ())),
        )
