"""Error bodies: where a provider says what went wrong, and in which of its fields.

An error may stand anywhere: in `error`, as an object or a text; beside a code at the top; in
`detail`, `errors`, `base_resp` or a choice; in a line of a stream; as bare text or a page. What is
compared later are these fields alone: an error repeats prompts, and a prompt may say anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

_MAX_BODY, _MAX_MESSAGE, _MAX_LISTED, _MAX_DEPTH = 2**18, 2000, 20, 3
_MESSAGES = (
    *("message", "Message", "msg", "error_message", "error_msg", "errorMessage"),
    *("error_description", "status_msg", "detail", "description", "title"),
)
# Field of a rule -> the fields of an error that say it.
_NAMES = {
    "code": ("code", "Code", "status_code", "statusCode"),
    "type": ("type", "__type", "error_type"),
    "status": ("status",),
    "reason": ("reason",),
    "param": ("param",),
    "error_code": ("error_code",),
}
_METADATA = {
    "reason": ("reason",),
    "limit_source": ("limit_source",),
    "error_type": ("error_type",),
}
_NAMED = ("limit_source", "error_type", "error_code", "availability", "reason", "status")
_STATUSES = range(100, 600)
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]{0,500}>", re.DOTALL | re.IGNORECASE)
# A quoted text of several words is what was sent; a quoted name is a name.
_QUOTED = re.compile(r"(?<!\w)(['\"\u201c`])(?=[^'\"\u201d`]*\s)[^'\"\u201d`]*(['\"\u201d`])(?!\w)")
_SEPARATORS = str.maketrans("", "", "_- ")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error says.

    Attributes:
        message: its words, for a person.
        words: the same to be compared, without what it quotes.
        names: field -> what stands there, in lower case and without `_`. `name` has them all.
        code: the status of HTTP that it states, where it states one.
        is_found: whether the body has an error at all.
        is_page: whether it is a page for people.
        inner: the error of another provider that it passes on, and that provider's name.
        is_byok: whether a router used a key of the user's own.
        has: the names of the fields that have a value, of the error and of its metadata.
        waits: what it says of waiting: field -> value.
        headers: those of another provider that it passes on.
    """

    message: str = ""
    words: str = ""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    code: int | None = None
    is_found: bool = False
    is_page: bool = False
    inner: tuple[str, str] | None = None
    is_byok: bool = False
    has: frozenset[str] = frozenset()
    waits: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_structured(self) -> bool:
        """Whether it is JSON, and so the provider's own."""
        return self.is_found and bool(self.has)


def normalize_name(name: object) -> str:
    """Return a code or a type as names are compared: `RateLimit_Error` is `ratelimiterror`."""
    return str(name).lower().translate(_SEPARATORS)[:100]


def read_error_body(body: bytes, *, is_error: bool = True) -> ErrorBody:
    """Read what a body says; whatever it is, nothing is raised.

    Args:
        body: as it came.
        is_error: whether the status says that it is an error. Of another body only what must be an
            error is read.
    """
    text = body[:_MAX_BODY].decode("utf-8", "replace").strip()
    data = _parse_json(body) if len(body) <= _MAX_BODY else None
    if data is None:
        data = _find_in_lines(text)
    if isinstance(data, list):  # Google's address in OpenAI's form
        data = next((each for each in data if isinstance(each, dict)), {"error": None})
    if isinstance(data, dict):
        return _read_object(data, is_error=is_error)
    if not is_error:
        return ErrorBody()
    return _read_text(data if isinstance(data, str) else text)


def _parse_json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _find_in_lines(text: str) -> dict[str, Any] | None:
    """Return the last error of a stream: a `data:` line, or a line of JSON."""
    found = None
    for line in text.splitlines()[-200:]:
        written = line.removeprefix("data:").strip()
        parsed = _parse_json(written) if written.startswith("{") else None
        if isinstance(parsed, dict) and (parsed.get("error") or parsed.get("type") == "error"):
            found = parsed
    return found


def _read_text(text: str) -> ErrorBody:
    if text[:200].lstrip().startswith("<") and "<" in text:
        plain = unescape(" ".join(_TAG.sub(" ", text[:20_000]).split()))
        return ErrorBody(message=plain or text, words="", is_found=True, is_page=True)
    return ErrorBody(message=text, words=_compare(text), is_found=bool(text))


def _compare(message: str) -> str:
    return _QUOTED.sub("''", message[:_MAX_MESSAGE])


def _read_object(data: dict[str, Any], *, is_error: bool) -> ErrorBody:
    parts = list(_find_parts(data, is_error=is_error))
    if not parts:
        return ErrorBody(message=json.dumps(data, default=str)[:_MAX_MESSAGE] if is_error else "")
    messages = list(dict.fromkeys(filter(None, map(_read_message, parts))))
    message = "; ".join(messages) or json.dumps(data.get("error", data), default=str)
    objects = [part for part in parts if isinstance(part, dict)]
    if nested := _read_nested(messages, objects):
        return nested
    metadata = [each for part in objects if isinstance(each := part.get("metadata"), dict)]
    return ErrorBody(
        message=message,
        words=_compare("; ".join(messages)),
        names=_read_names(objects, metadata),
        code=_read_status(objects),
        is_found=True,
        inner=_read_inner(metadata),
        is_byok=any(each.get("is_byok") is True for each in metadata),
        has=frozenset(
            name for part in [data, *objects, *metadata] for name, value in part.items() if value
        )
        or frozenset({"error"}),
        waits=_read_waits(objects, metadata),
        headers=_read_headers(metadata),
    )


def _find_parts(data: dict[str, Any], *, is_error: bool) -> Iterator[Any]:
    """Return the parts of a body that say what went wrong, most telling first."""
    for name in ("error", "errors"):
        value = data.get(name)
        if isinstance(value, str | dict):
            yield from filter(None, [value])
        elif isinstance(value, list):
            yield from (each for each in value[:_MAX_LISTED] if isinstance(each, str | dict))
    response = data.get("response")  # response.failed, of a stream
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        yield response["error"]
    choices = data.get("choices")
    for choice in choices[:_MAX_LISTED] if isinstance(choices, list) else []:
        if isinstance(choice, dict) and isinstance(choice.get("error"), str | dict):
            yield choice["error"]
    base = data.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, "0", None):
        yield base
    yield from _read_detail(data.get("detail"))
    if _is_error_itself(data, is_error=is_error):
        yield {name: value for name, value in data.items() if name not in {"error", "errors"}}


def _is_error_itself(data: dict[str, Any], *, is_error: bool) -> bool:
    """Return whether a body's own fields are an error's."""
    if is_error:
        return any(
            name in data for name in (*_MESSAGES, *_NAMES["code"], *_NAMES["type"], "status")
        )
    says = isinstance(data.get("message", data.get("msg")), str)
    answers = any(name in data for name in ("choices", "content", "output", "candidates", "usage"))
    coded = any(data.get(name) not in (None, 0, "0", 200, "200") for name in ("code", "__type"))
    return says and coded and not answers and data.get("object") != "list"


def _read_detail(detail: object) -> Iterator[Any]:
    if isinstance(detail, str | dict):
        yield from filter(None, [detail])
        if isinstance(detail, dict) and isinstance(detail.get("error"), str | dict):
            yield detail["error"]
    elif isinstance(detail, list):
        for each in detail[:_MAX_LISTED]:
            if isinstance(each, dict):  # `input` is what was sent
                yield {name: value for name, value in each.items() if name != "input"}
                if isinstance(each.get("error"), str | dict):
                    yield each["error"]
            elif isinstance(each, str):
                yield each


def _read_message(part: Any) -> str:  # noqa: ANN401 - a text or an object
    if isinstance(part, str):
        return part
    said = (part.get(name) for name in _MESSAGES)
    return next((each for each in said if isinstance(each, str) and each), "")


def _read_nested(messages: list[str], objects: list[dict[str, Any]]) -> ErrorBody | None:
    """Return the error that a message is the JSON of, as some proxies write it."""
    if len(messages) != 1 or not messages[0].lstrip().startswith("{"):
        return None
    data = _parse_json(messages[0][:_MAX_BODY])
    if not isinstance(data, dict) or not isinstance(data.get("error"), dict):
        return None
    if any(isinstance(each.get("metadata"), dict) for each in objects):
        return None
    inner = dict(data["error"])
    if isinstance(inner.get("message"), str) and inner["message"].lstrip().startswith("{"):
        inner["message"] = inner["message"].lstrip("{ ")  # no deeper
    return _read_object({"error": inner}, is_error=True)


def _read_names(
    objects: list[dict[str, Any]], metadata: list[dict[str, Any]]
) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for key, value in (
        *(pair for each in objects for pair in _name_object(each)),
        *(pair for each in metadata for pair in _name_fields(each, _METADATA)),
        *(pair for each in [*objects, *metadata] for pair in _name_availability(each)),
    ):
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            names.setdefault(key, set()).add(normalize_name(value))
    named = {key: frozenset(values) for key, values in names.items()}
    everything = (named.get(key, frozenset()) for key in ("code", "type", *_NAMED))
    return {**named, "name": frozenset[str]().union(*everything)}


def _name_object(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _name_fields(said, _NAMES)
    details = said.get("details")
    for key, value in (("code", said.get("innererror")), ("error_code", details)):
        if isinstance(value, dict):
            yield key, value.get(key)
    for detail in _only_objects(details):
        yield "reason", detail.get("reason")
        for violation in _only_objects(detail.get("violations")):
            yield "quota", violation.get("quotaId")


def _name_fields(
    said: dict[str, Any], names: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, Any]]:
    for key, fields in names.items():
        yield from ((key, said.get(name)) for name in fields)


def _name_availability(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(availability := said.get("availability"), dict):
        yield "availability", availability.get("code")


def _only_objects(value: object) -> Iterable[dict[str, Any]]:
    listed = value[:_MAX_LISTED] if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, dict)]


def _read_status(objects: list[dict[str, Any]]) -> int | None:
    """Return the status that an error states; other numbers in `code` are none."""
    for each in objects:
        for name in ("code", "status", "status_code", "statusCode"):
            value = each.get(name)
            if isinstance(value, str) and re.fullmatch("[0-9]{3}", value):
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES:
                return value
    return None


def _read_inner(metadata: list[dict[str, Any]]) -> tuple[str, str] | None:
    for each in metadata:
        raw, name = each.get("raw"), each.get("provider_name")
        if isinstance(raw, dict):
            raw = json.dumps(raw)
        if isinstance(raw, str) and raw:
            return raw[:_MAX_BODY], name if isinstance(name, str) else ""
    return None


def _read_waits(objects: list[dict[str, Any]], metadata: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of an error that say how long to wait."""
    waits: dict[str, Any] = {}
    for each in [*objects, *metadata]:
        sources = [each, *_only_objects(each.get("details"))]
        sources += [inner for inner in (each.get("availability"),) if isinstance(inner, dict)]
        sources += [
            inner["metadata"] for inner in tuple(sources) if isinstance(inner.get("metadata"), dict)
        ]
        for source in sources:
            for name in WAIT_FIELDS:
                if source.get(name) is not None:
                    waits.setdefault(name, source[name])
    return waits


WAIT_FIELDS = (
    *("retry_after_ms", "retryDelay", "quotaResetDelay", "retry_after", "retryAfter"),
    *("retry_after_seconds", "resets_at", "quotaResetTimeStamp"),
)


def _read_headers(metadata: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[Any, Any] = next(
        (each["headers"] for each in metadata if isinstance(each.get("headers"), dict)), {}
    )
    return {str(name): str(value) for name, value in list(found.items())[:50]}
