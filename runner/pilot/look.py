"""A look at a pilot: what its answers say of the run's cost, when nothing is in flight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estimator.forecast import CostRange


@dataclass(frozen=True, slots=True)
class Look:
    """What a pilot's answers say after a block.

    Attributes:
        queries: how many of each stratum were asked.
        calls: how many billed calls count.
        cost: of the whole run, with what is paid.
        width: half of the 90 % range of what the answers still to come will cost, relative to
            its median; None where some stratum has no answer that counts.
    """

    queries: int
    calls: int
    cost: CostRange
    width: float | None

    def is_within(self, width: float) -> bool:
        """Return whether the range is as narrow as is wanted."""
        return self.width is not None and self.width <= width

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        width = None if self.width is None else round(self.width, 4)
        figures = {"queries": self.queries, "calls": self.calls, "width": width}
        return figures | {"cost_usd": self.cost.to_json()}
