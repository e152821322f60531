"""Following the lead: a worker does what it asks, and ends its work when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runner.cluster.handover import Handover
from runner.control import Notes, read_lead_wishes
from runner.errors import LedgerError
from runner.execution import SharedJobQueue

_INTERVAL = 1.0  # seconds between looks at what the lead asks
_LOOKS_A_LEASE = 12  # looks at whether the lead lives, in the time that its lease lasts
_OWN_CLOCK = timedelta(seconds=3)  # since the end of the approval, which it sees by itself
_LEAD_IS_GONE = "the process that started this worker is gone"


@dataclass(slots=True)
class FollowedEnd:
    """When the approval ends: as it was handed over, until the lead tells of a newer one."""

    until: datetime | None


class LeadFollower:
    """Does what the lead asks, and ends the work when it is gone."""

    def __init__(
        self,
        handover: Handover,
        queue: SharedJobQueue,
        notes: Notes,
        end: FollowedEnd,
        is_abandoned: Callable[[], bool],
    ) -> None:
        self.reason = ""
        self._end = end
        self._lead, self._queue, self._notes = handover.lead, queue, notes
        self._is_abandoned = is_abandoned
        self._looks = max(round(handover.lease_seconds / _LOOKS_A_LEASE / _INTERVAL), 1)

    async def follow(self, interrupt: Callable[[], None]) -> None:
        """Interrupt the work as often as it is asked, or once where the lead is gone."""
        done, look = 0, 0
        while True:
            wanted = 0
            with suppress(LedgerError):
                wanted = await asyncio.to_thread(self._count_wanted, has_to_live=look == 0)
            for _ in range(done, wanted):
                interrupt()
            done, look = max(done, wanted), (look + 1) % self._looks
            await asyncio.sleep(_INTERVAL)

    def _count_wanted(self, *, has_to_live: bool) -> int:
        wishes = read_lead_wishes(self._notes, self._lead)
        asked = wishes.interrupts
        with suppress(ValueError):  # it is empty
            self._end.until = datetime.fromisoformat(wishes.until)
        is_gone = self._is_abandoned() or (has_to_live and not self._queue.is_living(self._lead))
        if asked == 1 and self._has_just_expired():
            return 0
        if not asked and is_gone:
            self.reason = _LEAD_IS_GONE
        return asked or int(is_gone)

    def _has_just_expired(self) -> bool:
        """Return whether this worker ends by its own clock now, which asks no judge any more."""
        if self._end.until is None:
            return False
        return timedelta() <= datetime.now(UTC) - self._end.until < _OWN_CLOCK
