"""Outcomes of sending a request once: what became of its money."""

from __future__ import annotations

from dataclasses import dataclass

from providers import reply as wire
from providers.failures import Failure
from providers.rate_limits import RateLimit


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider answered: with usage, or by saying that a filter refuses the prompt.

    Attributes:
        response: what came back.
        limits: what it said of its rate limits; so have all outcomes.
        failure: where it is no answer that is billed by its usage: the filter's refusal, or an
            answer that the provider broke off and says, or documents, that it does not bill.
    """

    response: wire.ModelResponse
    limits: tuple[RateLimit, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class NotBilled:
    """Nothing was billed; `failure` says why, and what it means for other requests."""

    failure: Failure
    limits: tuple[RateLimit, ...] = ()

    @property
    def reason(self) -> str:
        """Why, for a person."""
        return self.failure.message


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent, and it is not known whether it was billed; `failure` says why."""

    failure: Failure
    limits: tuple[RateLimit, ...] = ()

    @property
    def reason(self) -> str:
        """Why, for a person."""
        return self.failure.message


Outcome = Answered | NotBilled | Unknown
