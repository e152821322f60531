"""What to do about a failure, in a sentence for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from providers.failures.failure import Failure, FailureMeaning
from providers.provider import Provider

_LONG = 60.0  # seconds; a shorter wait is over before anyone reads of it

_MENDS = {
    FailureMeaning.OUT_OF_MONEY: "top up the account at {name}, then run again",
    FailureMeaning.SPEND_LIMIT: "raise the spending limit at {name}, or wait until it is reset",
    FailureMeaning.RATE_LIMIT: "run again later, or with a lower --concurrency",
    FailureMeaning.OVERLOADED: "run again later, or name the model at another provider",
    FailureMeaning.SERVER: "run again later; {name}'s status page may say more",
    FailureMeaning.UNREADABLE: "check that {name} speaks the API of its kind, and says its usage",
    FailureMeaning.TIMEOUT: "run again later, or with a longer --timeout",
    FailureMeaning.UNSENT: "check the network, and the base_url of {name}",
    FailureMeaning.FILTERED: "nothing to do: a filter keeps this prompt back",
    FailureMeaning.CONTEXT: "shorten the prompt, or use a model with a larger context",
    FailureMeaning.REFUSED: "check what the request holds",
    FailureMeaning.INVALID_PARAM: "check the request's fields in the experiment file",
    FailureMeaning.UNKNOWN_MODEL: "check the model's name at {name}",
    FailureMeaning.BAD_KEY: "set {key} to a valid key of {name}",
    FailureMeaning.FORBIDDEN: "ask {name} for access to the model, or use another one",
    FailureMeaning.NOT_AVAILABLE_REGION: "use a provider that serves this region",
}


def describe_mend(
    failure: Failure, provider: Provider | None = None, now: datetime | None = None
) -> str:
    """Return what to do next about a failure.

    Args:
        failure: what it is.
        provider: whose it is, to name it and the variables of its key.
        now: to say until when to wait.
    """
    name = provider.name if provider else "the provider"
    key = " or ".join(provider.api_key_env) if provider and provider.api_key_env else "the variable"
    mend = _MENDS[failure.meaning].format(name=name, key=key)
    if failure.wait is None or failure.wait < _LONG:
        return mend
    until = (now or datetime.now(UTC)).astimezone(UTC) + timedelta(seconds=failure.wait)
    return f"{mend} (it asks to wait until {until:%Y-%m-%d %H:%M} UTC)"
