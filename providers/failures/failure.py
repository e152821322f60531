"""Failure: what a provider's refusal, or its silence, means for the request and for all others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureMeaning(StrEnum):
    """What a failure means."""

    OUT_OF_MONEY = "out_of_money"  # an account without credit
    SPEND_LIMIT = "spend_limit"  # a limit on spending, or a plan's quota, is reached
    RATE_LIMIT = "rate_limit"  # too many requests or tokens; it passes
    OVERLOADED = "overloaded"  # the model has no room for anyone; it passes
    SERVER = "server"  # the server failed; it may pass
    TIMEOUT = "timeout"  # it took too long, or the connection was lost
    UNSENT = "unsent"  # there was no connection, so nothing was sent
    UNREADABLE = "unreadable"  # an answer came that cannot be read
    FILTERED = "filtered"  # a filter keeps this prompt, or its answer, back
    CONTEXT = "context"  # this prompt is too long
    REFUSED = "refused"  # this request is refused for good
    INVALID_PARAM = "invalid_param"  # a field that the model does not take
    UNKNOWN_MODEL = "unknown_model"
    BAD_KEY = "bad_key"
    FORBIDDEN = "forbidden"  # this account may not use the model
    NOT_AVAILABLE_REGION = "not_available_region"

    @property
    def is_money(self) -> bool:
        """Whether it is about money."""
        return self in (FailureMeaning.OUT_OF_MONEY, FailureMeaning.SPEND_LIMIT)

    @property
    def passes(self) -> bool:
        """Whether it is about a state that passes by itself."""
        return self in (
            FailureMeaning.RATE_LIMIT,
            FailureMeaning.OVERLOADED,
            FailureMeaning.SERVER,
            FailureMeaning.TIMEOUT,
            FailureMeaning.UNSENT,
        )


class FailureScope(StrEnum):
    """What a failure concerns."""

    REQUEST = "request"
    MODEL = "model"
    PROVIDER = "provider"
    ACCOUNT = "account"


class Billed(StrEnum):
    """Whether a failure is billed."""

    NO = "no"  # never sent, refused before any work, or documented as free
    MAYBE = "maybe"  # it is documented as billed, or is not documented
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failure means.

    Attributes:
        message: for a person: the status, who says it, and its words, without keys.
        meaning: what it is.
        scope: what it concerns: this request, the model, the provider, or the account.
        billed: whether it is billed.
        wait: seconds that the provider asks to wait; None where it asks for none. It may be longer
            than anyone waits (`rate_limits.MAX_WAIT`): a quota of a day that is used up.
        retries: whether the same request may succeed later.
        source: of the rule that says whether it is billed, where that is documented.
        mend: what to do about it, for a person; empty where its provider is not known.
    """

    message: str
    meaning: FailureMeaning
    scope: FailureScope
    billed: Billed
    wait: float | None = None
    retries: bool = False
    source: str = ""
    mend: str = ""

    @property
    def is_about_money(self) -> bool:
        """Whether the account can pay for nothing more."""
        return self.meaning.is_money and self.scope is FailureScope.ACCOUNT

    @property
    def stops_account(self) -> bool:
        """Whether the account is refused for good, whatever is asked of it."""
        return self.scope is FailureScope.ACCOUNT and not self.retries

    @property
    def passes(self) -> bool:
        """Whether it concerns the model's or the provider's state, which passes by itself."""
        return self.meaning.passes


def describe_unsent(message: str, *, retries: bool = True) -> Failure:
    """Return the failure of a request that was never sent."""
    return Failure(
        message,
        FailureMeaning.UNSENT if retries else FailureMeaning.FORBIDDEN,
        FailureScope.PROVIDER,
        Billed.NO,
        retries=retries,
    )


def describe_unreadable(message: str) -> Failure:
    """Return the failure of a request whose answer came and cannot be read."""
    return Failure(
        message, FailureMeaning.UNREADABLE, FailureScope.REQUEST, Billed.MAYBE, retries=True
    )


def describe_lost(message: str) -> Failure:
    """Return the failure of a request whose answer never came."""
    return Failure(
        message, FailureMeaning.TIMEOUT, FailureScope.REQUEST, Billed.MAYBE, retries=True
    )
