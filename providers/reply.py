"""Replies: what a provider's response says, and the readers of fields that all APIs share.

A response without what is needed to bill it raises `MalformedResponse`; anything else odd in
it is made harmless. Token classes are disjoint here, whatever an API's own are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Any

from pricing.money import Money
from pricing.usage import Usage
from providers.errors import MalformedResponse
from providers.secrets import quote_value, redact_secrets, shorten

_MAX_NAME_LENGTH, _MAX_STORED_NAME = 40, 200
_MAX_READ = 4000  # characters of a name or a figure that are looked at
_MAX_USAGE_CHARS, _MAX_USAGE_TEXT, _MAX_USAGE_FIELDS, _MAX_USAGE_DEPTH = 8000, 200, 50, 4
_MAX_TOKENS = 10**9  # no call can have more; a ledger's sums stay in their 64 bits
_TOO_SHORT_TO_BE_SECRET = 10**7  # a number below has fewer digits than any secret
_DIGITS = re.compile(r"[0-9]{1,10}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several answers that a response gives to one request; fields as of `ModelResponse`."""

    text: str
    reasoning: str
    finish: str
    refusal: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A provider's response to one request.

    Attributes:
        text: the answer, without the prefill that it goes on from.
        reasoning: reasoning that the provider shows apart from the answer.
        finish: `stop`, `length` where it was cut off at max_tokens or at the context,
            `content_filter`, `refusal`, `error` where the provider broke off, or its own word.
        usage: billed tokens.
        stated_cost: what the provider says that it billed, where it says so.
        model, id: the provider's own names of the model and of this answer.
        raw_usage: the usage object as it came.
        tier: the service tier that the provider says it was served in; empty where it does not.
        geo: the place that it says the answer was made in, where that may cost more.
        note: what else there is to say: an error in it, and what was too long to be kept whole.
        other_texts: whatever else it wrote: a refusal, arguments of tools, other choices.
        least_output: tokens that it wrote at least, where it lists them or shows them encrypted.
        extras: what it says, or shows, that it did beside writing a text, such as searches.
        unknown_counts: counts of its usage that are not known here.
        costs: every cost that its usage states, by field; each is only compared.
        other_models: models that it says took part, beside `model`.
        cites_web: it cites pages of the web, for which a search may have been billed.
        builtin_url: it came from the provider's own address.
        is_summary: `reasoning` is a summary of it, and no measure of what was billed.
        refusal: what the model, or a filter, says of why it does not answer.
        fingerprint: what the provider calls the configuration that answered; empty where it does
            not say.
        choices: all of its answers where it gives more than one: `text` and the like are the
            first's, `other_texts` has all that the others wrote, and `usage` is of all of them.
        seconds: from when the request was sent until all of it was read; None where that was not
            measured.
    """

    text: str
    reasoning: str
    finish: str
    usage: Usage
    stated_cost: Money | None
    model: str
    id: str
    raw_usage: Mapping[str, Any]
    tier: str = ""
    geo: str = ""
    note: str = ""
    other_texts: tuple[str, ...] = ()
    least_output: int = 0
    extras: tuple[str, ...] = ()
    unknown_counts: tuple[str, ...] = ()
    costs: tuple[tuple[str, Money], ...] = ()
    other_models: tuple[str, ...] = ()
    cites_web: bool = False
    builtin_url: bool = True
    is_summary: bool = False
    refusal: str = ""
    fingerprint: str = ""
    choices: tuple[Choice, ...] = ()
    seconds: float | None = None


def build_filtered_response(message: str) -> ModelResponse:
    """Return the response to a prompt that a filter refused with an error.

    Args:
        message: what the provider says.
    """
    return ModelResponse(
        text="",
        reasoning="",
        finish="content_filter",
        usage=Usage(0, 0),
        stated_cost=None,
        model="",
        id="",
        raw_usage={},
        refusal=message,
    )


@contextmanager
def reading_response() -> Iterator[None]:
    """Raise whatever goes wrong in reading a response's fields as `MalformedResponse`."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise MalformedResponse(f"the answer is missing a field: {quote_value(error)}") from error
    except ValueError as error:
        raise MalformedResponse(str(error)) from error


def require_object(data: object) -> dict[str, Any]:
    """Return a response's body, which must be a JSON object.

    Raises:
        MalformedResponse: it is not.
    """
    if not isinstance(data, dict):
        raise MalformedResponse("the answer is not a JSON object")
    return data


def read_model_ids(data: object) -> frozenset[str]:
    """Read the ids of a model list, `{"data": [{"id": ...}]}`.

    Raises:
        MalformedResponse: it is not a model list.
    """
    with reading_response():
        return frozenset(str(each["id"]) for each in require_object(data)["data"])


def read_usage(data: dict[str, Any]) -> dict[str, Any]:
    """Read the usage object, without which nothing can be billed.

    Raises:
        MalformedResponse: there is none.
    """
    usage = data.get("usage")
    if not isinstance(usage, dict):
        raise MalformedResponse("the answer has no usage")
    return usage


def read_count(fields: dict[str, Any], name: str, *, required: bool = False) -> int:
    """Read a number of tokens; a field that may be absent counts as 0 where it is.

    Servers that count in floats write 30.0, and some write numbers as texts.

    Raises:
        MalformedResponse: it is not a count, or larger than one call can have.
    """
    value = fields.get(name)
    if type(value) is int and 0 <= value <= _MAX_TOKENS:  # as most are
        return value
    if value is None and not required:
        return 0
    count = _parse_count(value)
    if count is None or not 0 <= count <= _MAX_TOKENS:
        raise MalformedResponse(f"usage.{name} is {quote_value(value)}")
    return count


def _parse_count(value: object) -> int | None:
    """Parse a whole number, also one that is written as 30.0 or as a text; None for others."""
    match value:
        case bool():
            return None
        case int():
            return value
        case float() | Decimal() if (
            math.isfinite(value) and 0 <= value <= _MAX_TOKENS and value == int(value)
        ):
            return int(value)
        case str() if _DIGITS.fullmatch(value):
            return int(value)
    return None


def refuse_error(data: dict[str, Any]) -> None:
    """Raise if an answer carries an error: it may be billed all the same.

    Raises:
        MalformedResponse: it does.
    """
    if described := describe_error(data):
        raise MalformedResponse(described)


def describe_error(data: dict[str, Any]) -> str:
    """Return what the error says that an answer, or one of its choices, carries; empty if none."""
    error = data.get("error")
    if not error:
        return ""
    message = error.get("message") if isinstance(error, dict) else error
    return f"it carries an error: {read_display_name(message, 200)}"


def read_text(content: Any) -> str:  # noqa: ANN401 - a text, a list of parts, or nothing
    """Read a text, also one in parts, as it can be stored; empty where there is none."""
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return _replace_unstorable(content) if isinstance(content, str) else ""


def read_display_name(value: object, length: int = _MAX_NAME_LENGTH) -> str:
    """Read a name for display: short, and free of control characters."""
    if not value:
        return ""
    shown = redact_secrets(read_text(value)[:_MAX_READ])
    if not shown.isprintable():
        shown = "".join(each for each in shown if each.isprintable())
    return shown[:length]


def read_name(value: object) -> str:
    """Read a name as it can be stored; empty where there is none."""
    return _replace_unstorable(str(value or ""))


def clean_response(
    response: ModelResponse, max_chars: int, seconds: float | None = None
) -> ModelResponse:
    """Return a response as it may be stored: without secrets, and no longer than an answer can be.

    Args:
        response: as it was read.
        max_chars: more than the text can have; so of the reasoning. What is longer is cut, and
            `note` names it.
        seconds: that it took.
    """
    notes = [response.note] if response.note else []
    notes += [
        f"{name} of {length:,} characters cut to {max_chars:,}"
        for name in ("text", "reasoning", "refusal")
        if (length := len(getattr(response, name))) > max_chars
    ]
    usage = _clean_usage(response.raw_usage)
    if len(str(usage)) > _MAX_USAGE_CHARS:
        usage = {name: each for name, each in usage.items() if isinstance(each, int | Decimal)}
        notes.append("usage was too large, so only its own figures were kept")
    return replace(
        response,
        text=_cut_text(response.text, max_chars),
        reasoning=_cut_text(response.reasoning, max_chars),
        refusal=_cut_text(response.refusal, max_chars),
        choices=tuple(_clean_choice(each, max_chars) for each in response.choices),
        fingerprint=_clean_name(response.fingerprint),
        finish=_clean_name(response.finish),
        model=_clean_name(response.model),
        id=_clean_name(response.id),
        raw_usage=usage,
        extras=tuple(map(_clean_name, response.extras)),
        unknown_counts=tuple(map(_clean_name, response.unknown_counts)),
        other_models=tuple(map(_clean_name, response.other_models)),
        note="; ".join(notes),
        seconds=seconds,
    )


def _clean_choice(choice: Choice, max_chars: int) -> Choice:
    texts = (choice.text, choice.reasoning, choice.refusal)
    text, reasoning, refusal = (_cut_text(each, max_chars) for each in texts)
    return Choice(text, reasoning, _clean_name(choice.finish), refusal, choice.note)


def _cut_text(text: str, max_chars: int) -> str:
    """Replace secrets, also one that would be cut in two, then cut."""
    return redact_secrets(text[: max_chars + _MAX_READ])[:max_chars]


def _clean_name(name: str) -> str:
    return shorten(redact_secrets(name[:_MAX_READ]), _MAX_STORED_NAME) if name else ""


def _clean_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a usage object without secrets, with long texts and lists cut."""
    return _clean_fields(usage, _MAX_USAGE_DEPTH)


def _clean_fields(fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
    cleaned = {}
    for name, value in islice(fields.items(), _MAX_USAGE_FIELDS):
        is_short = type(value) is int and 0 <= value < _TOO_SHORT_TO_BE_SECRET  # as most are
        cleaned[_clean_name(str(name))] = value if is_short else _clean_value(value, depth)
    return cleaned


def _clean_value(value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    match value:
        case Mapping() if depth:
            return _clean_fields(value, depth - 1)
        case list() if depth:
            return [_clean_value(each, depth - 1) for each in value[:_MAX_USAGE_FIELDS]]
        case bool() | None:
            return value
        case int() | float() | Decimal() if len(written := str(value)) <= _MAX_USAGE_TEXT:
            return value if redact_secrets(written) == written else redact_secrets(written)
    return shorten(redact_secrets(str(value)[:_MAX_READ]), _MAX_USAGE_TEXT)


def _replace_unstorable(text: str) -> str:
    """Replace characters that JSON allows but a database does not."""
    if not text.isascii():
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("\0", "\N{SYMBOL FOR NULL}")
