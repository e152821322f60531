"""A worker's life, from its start to what it tells at its end; and a crew, which starts them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol, Self

from runner.execution import StopReason

_MOST_FAILURES = 20  # that one worker tells of


@dataclass(frozen=True, slots=True)
class LifeEnd:
    """What a worker tells at its end.

    Attributes:
        end: how its execution ended, a `StopReason`; empty where it could not go on.
        reason: what more there is to say of that.
        failed: requests that it gave up, each with the reason.
        cap_held: as of `Progress`.
        was_evicted: it was taken for dead, so that its jobs went to others.
    """

    end: str
    reason: str = ""
    failed: tuple[str, ...] = ()
    cap_held: bool = False
    was_evicted: bool = False

    @property
    def is_final(self) -> bool:
        """Whether its work ended; else another worker is to go on."""
        return bool(self.end) and not self.was_evicted

    @property
    def stop_reason(self) -> StopReason:
        """How its execution ended."""
        return StopReason(self.end)

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self) | {"failed": self.failed[:_MOST_FAILURES]})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the JSON that `to_text` returns; what is none tells of a death."""
        with suppress(ValueError, TypeError, KeyError):
            told = json.loads(text)
            return cls(**told | {"failed": tuple(told["failed"])})
        return cls("", text or "it was killed")


class Life(Protocol):
    """A worker that was started."""

    def poll(self) -> LifeEnd | None:
        """Return how it ended; None while it lives. It does not wait."""
        ...

    def kill(self) -> None:
        """End it at once, if it lives; what it was sending is held."""
        ...


class Crew(Protocol):
    """What starts workers, and says where.

    Attributes:
        shares_secrets: whether what it is given stays on this machine.
    """

    shares_secrets: bool

    def start(self, handover: str, worker: str) -> Life:
        """Start a worker under a name, with the text of a handover.

        Raises:
            CannotSend: none can be started any more.
        """
        ...

    def close(self) -> None:
        """End what it needed."""
        ...
