"""Outages: for some seconds a model is down, and every call of it fails in the same way.

    Behaviour(outages=(Outage("529", seconds=5, model="llama-3.1-70b", begins=8, retry_after=2),))

Nothing of what an outage refuses is billed. While connections are refused, those who are connected
are answered; no other arrives.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

OutageKind = Literal["503", "529", "429", "refused"]
MESSAGES: dict[OutageKind, str] = {
    "503": "The engine is currently overloaded, please try again later.",
    "529": "Overloaded",
    "429": "Rate limit reached; try again later.",
}


@dataclass(frozen=True)
class Outage:
    """A time in which a model is down.

    Attributes:
        kind: the status that calls get; or connections are refused, at the door by which the first
            of its calls came.
        seconds: how long it lasts, from its first call on.
        model: whose calls it concerns; empty for all.
        begins: with which of these calls it begins, counted from 1.
        retry_after: seconds, told as `Retry-After`; None tells nothing.
        retry_after_ms: milliseconds, told as `retry-after-ms`.
    """

    kind: OutageKind
    seconds: float
    model: str = ""
    begins: int = 1
    retry_after: float | None = None
    retry_after_ms: float | None = None

    def __post_init__(self) -> None:
        """Refuse a misspelt kind."""
        if self.kind not in get_args(OutageKind):
            raise ValueError(f"no outage {self.kind!r}; there are {get_args(OutageKind)}")

    @property
    def fault(self) -> str:
        """Return what the till calls it."""
        return f"outage {self.kind}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that say how long to wait."""
        told = {"Retry-After": self.retry_after, "retry-after-ms": self.retry_after_ms}
        return {name: f"{value:g}" for name, value in told.items() if value is not None}

    def explain(self, error: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of an error with the type that is used for it."""
        said = error.get("error")
        if self.kind != "529" or not isinstance(said, Mapping):
            return dict(error)
        return dict(error) | {"error": dict(said) | {"type": "overloaded_error"}}


class OutageClock:
    """Knows which outages have begun."""

    def __init__(self, outages: tuple[Outage, ...]) -> None:
        self._outages = outages
        self._calls: Counter[int] = Counter()
        self._ends: dict[int, float] = {}

    def strike(self, model: str) -> Outage | None:
        """Count a call, and return the outage that it falls into."""
        struck = None
        for number, each in enumerate(self._outages):
            if each.model not in ("", model):
                continue
            self._calls[number] += 1
            if self._calls[number] == each.begins:
                self._ends[number] = time.monotonic() + each.seconds
            if time.monotonic() < self._ends.get(number, 0.0):
                struck = struck or each
        return struck
