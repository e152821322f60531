"""Secrets: the keys that this process has read, which no stored or shown text may repeat.

`remember_secret` is told each value where it is read: a provider's key (`find_api_key`), what a
ledger's address hides. What a server sends back then goes through `redact_secrets`, and what is
said about it through `redact_message`, before it is cut, stored or shown. The memory is of the
process, because a text is shown in places that know no provider.

A secret is found in upper and lower case, in spite of spaces, line ends and invisible characters in
it, percent-encoded, JSON- and HTML-escaped, in base64 (at any place of what was encoded, such as
`Bearer KEY`), in hexadecimal, and written backwards; also where only 16 characters or more of its
beginning or end are left. A server that wants to pass a key on can write it in ways that no filter
knows, but it was given the key: this keeps what is repeated out of files that are shared.

A value of under 8 characters, such as the `none` that a server of one's own is content with, is no
secret in an answer, which it would shred; in a message it is replaced where it stands as a word. So
is a short password, often a word such as `postgres`: no server but the database's knows it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

REPLACEMENT = "[key]"
_MIN_SECRET, _MIN_PASSWORD, _MIN_WORD = 8, 16, 3  # characters
_MAX_READ, _MAX_QUOTED = 4000, 60  # characters of a value, before and after secrets are replaced
_WINDOW, _OVERLAP = 2**16, 2**13  # characters that are searched at once; longer than any secret
_SHORT = 100  # characters of a text that is remembered with what became of it
_MIN_PART = 16  # characters of a secret that identify it; common beginnings of keys are shorter

_secrets: set[str] = set()
_words: set[str] = set()  # replaced in messages alone

# What may stand between two characters of a secret, or for one of them.
_ESCAPE = re.compile(
    r"%(?:25)*(?P<percent>[0-9a-fA-F]{2})"
    r"|\\+(?:u\{?0{0,4}|x)(?P<hex>[0-9a-fA-F]{2})\}?"
    r"|&\#0*(?P<decimal>[0-9]{2,3});?|&\#[xX]0*(?P<html>[0-9a-fA-F]{2});?"
    r"|(?P<gap>\\+[nrtbfv0]|\\+"
    "|[\\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff])"
)
# The same gaps as single characters, which are removed much faster than by the pattern.
_GAPS = dict.fromkeys(
    (
        *(*range(0x21), *range(0x7F, 0xA1), 0xAD, 0x34F, 0x61C, 0x1680, 0x180E),
        *(*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x3000, 0xFEFF),
    )
)
_URL_PASSWORD = re.compile(r"(://[^/\s@:\"']*):[^/\s@\"']*@")
_URL_KEY = re.compile(
    r"([?&](?:[\w.-]*key|[\w.-]*token|[\w.-]*secret|[\w.-]*password|sig|signature)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)


def remember_secret(value: str | None) -> None:
    """Remember a value that must be in no text from now on; an empty one is none."""
    if value and value.strip():
        (_secrets if len(value.strip()) >= _MIN_SECRET else _words).add(value.strip())


def remember_password(value: str) -> None:
    """Remember a password of a database, which a message of its driver may repeat."""
    (_secrets if len(value) >= _MIN_PASSWORD else _words).add(value)


def redact_secrets(text: str) -> str:
    """Return a text with every secret in it replaced, however it is written."""
    if len(text) < _MIN_SECRET or not _secrets:
        return text
    redact = _redact_once if len(text) <= _SHORT else _redact
    return redact(text, frozenset(_secrets))


def _redact(text: str, secrets: frozenset[str]) -> str:
    forms = _list_forms(secrets)
    if not forms:
        return text
    parts, at = [], 0
    while at < len(text):  # in windows, because the search needs many times the memory of a text
        window, done = text[at : at + _WINDOW + _OVERLAP], 0
        for begin, end in _find_secrets(window, forms):
            if begin >= _WINDOW:
                break  # the next window has all of it
            if begin >= done:
                parts += [window[done:begin], REPLACEMENT]
            done = max(done, end)
        end = max(done, min(_WINDOW, len(window)))
        parts.append(window[done:end])
        at += end
    return "".join(parts)


# Names of models and of fields come with each answer.
_redact_once = lru_cache(maxsize=1024)(_redact)


def redact_addresses(text: str) -> str:
    """Return a text of afcost's own without secrets, and without what addresses in it hide."""
    text = _URL_KEY.sub(rf"\1{REPLACEMENT}", _URL_PASSWORD.sub(rf"\1:{REPLACEMENT}@", text))
    return redact_secrets(text)


def redact_values(document: object) -> object:
    """Return a document as JSON holds it, with `redact_addresses` done to each text and name in it.

    In the JSON itself a secret may end at the escape of a quote, and what is left is no JSON.
    """
    if isinstance(document, str):
        return redact_addresses(document)
    if isinstance(document, dict):
        return {redact_values(name): redact_values(each) for name, each in document.items()}
    if isinstance(document, list | tuple):
        return list(map(redact_values, document))
    return document


def redact_message(text: str) -> str:
    """Return what a server or a library said without secrets, also short ones."""
    text = redact_addresses(text)
    for word in sorted(_words, key=len, reverse=True):
        if len(word) >= _MIN_WORD:
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", REPLACEMENT, text)
    return text


def quote_value(value: object) -> str:
    """Return a value of a server's as an error says it: in quotes, short and without secrets."""
    value = value[:_MAX_READ] if isinstance(value, str) else value
    written = str(value) if isinstance(value, Decimal) else repr(value)
    return shorten(redact_message(written[:_MAX_READ]), _MAX_QUOTED)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most so many characters; one that was cut ends in an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


@lru_cache(maxsize=8)
def _list_forms(secrets: frozenset[str]) -> tuple[str, ...]:
    """Return the ways that secrets are written in, in lower case and without spaces."""
    forms = {form for secret in secrets for form in _forms_of(secret)}
    return tuple(sorted(forms, key=len, reverse=True))


def _forms_of(secret: str) -> Iterator[str]:
    raw = secret.encode(errors="surrogateescape")
    plain = _ESCAPE.sub(_decode, secret).lower()
    written = [plain, plain[::-1], raw.decode("latin-1").lower(), raw.hex()]
    for offset in range(3):  # where it begins in a group of three bytes
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        # Only what does not depend on the bytes around it.
        whole = encoded[-(-offset * 4 // 3) : (offset + len(raw)) * 4 // 3].lower()
        written += [whole, whole.replace("+", "-").replace("/", "_")]
    return (form for form in written if len(form) >= _MIN_SECRET)


def _decode(escape: re.Match[str]) -> str:
    """Return the character that an escape stands for; none for what may stand between them."""
    if escape["gap"]:
        return ""
    if escape["decimal"]:
        return chr(int(escape["decimal"]))
    return chr(int(escape["percent"] or escape["hex"] or escape["html"], 16))


def _find_secrets(text: str, forms: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return where secrets begin and end in a text, with what is between their characters."""
    squeezed = _read_through(text)
    found = [
        form for form in forms if form[:_MIN_PART] in squeezed or form[-_MIN_PART:] in squeezed
    ]
    if not found:
        return []
    characters, places = _squeeze(text)
    ranges = {each for form in found for each in _find_ranges(form, characters)}
    return [(places[start][0], places[end - 1][1]) for start, end in sorted(ranges)]


def _read_through(text: str) -> str:
    """Return a text decoded, without gaps and in lower case."""
    text = text.translate(_GAPS)
    if any(sign in text for sign in "%\\&"):
        text = _ESCAPE.sub(_decode, text)
    return text.lower()


def _squeeze(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text decoded and without gaps, and where each of its characters comes from."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    done = 0
    for escape in [*_ESCAPE.finditer(text), None]:
        until = escape.start() if escape else len(text)
        plain = text[done:until]
        characters += (each.lower()[:1] for each in plain)  # a few have two when lowered
        places += ((at, at + 1) for at in range(done, until))
        if escape and (decoded := _decode(escape)):
            characters.append(decoded.lower()[:1])
            places.append(escape.span())
        done = escape.end() if escape else until
    return "".join(characters), places


def _find_ranges(form: str, text: str) -> Iterator[tuple[int, int]]:
    """Find a form in a text, or as much of its beginning or its end as is there."""
    for at in _find_all(form[:_MIN_PART], text):
        yield at, at + _count_equal(form, text[at : at + len(form)])
    for at in _find_all(form[-_MIN_PART:], text):
        end = at + len(form[-_MIN_PART:])
        yield end - _count_equal(form[::-1], text[max(end - len(form), 0) : end][::-1]), end


def _count_equal(form: str, text: str) -> int:
    """Return how many characters two texts begin with alike."""
    if form == text:
        return len(form)
    differing = (at for at, (a, b) in enumerate(zip(form, text, strict=False)) if a != b)
    return next(differing, min(len(form), len(text)))


def _find_all(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)
