"""Outcomes of sending a request once: what became of its money."""

from __future__ import annotations

from dataclasses import dataclass

from providers import reply as wire
from providers.rate_limits import RateLimit


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider answered with usage."""

    response: wire.ModelResponse
    limits: tuple[RateLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class NotBilled:
    """Nothing was billed.

    Attributes:
        reason: for a person.
        retry: whether the same request may succeed later.
        stop: whether every other request would fail as well.
        retry_after: seconds that the provider asks to wait, if it does.
        limits: what it said of them; so have all outcomes.
    """

    reason: str
    retry: bool = False
    stop: bool = False
    retry_after: float | None = None
    limits: tuple[RateLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent, and it is not known whether it was billed.

    Attributes:
        reason: for a person.
        retry: whether the same request may succeed later.
        limits: as of `Answered`.
    """

    reason: str
    retry: bool = True
    limits: tuple[RateLimit, ...] = ()


Outcome = Answered | NotBilled | Unknown
