"""Operations: what a client asks for by its path, and where that is below a provider's base URL.

A client puts its own versions and prefixes before an operation, such as `/v1`, `/openai/v1` or
none, and some put one twice. These are passed over: the provider's base URL has its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, unquote, urlsplit

from providers.clients.bodies import ClientApi
from providers.provider import Provider
from providers.registry import builtin_providers


class OperationKind(StrEnum):
    """What an operation is for its money: priced, free of charge, or not passed on."""

    CALL = "call"
    FREE = "free"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a path asks for.

    Attributes:
        provider: as the path names it; it need not be known.
        kind: what it is.
        api: that it belongs to; of a refused one, the API in whose form errors are.
        method: of HTTP, that it takes.
        path: below the provider's base URL, beginning with a slash; empty of a refused one.
        model: where the path names it.
        is_streamed: the path asks for a streamed answer.
        status: of HTTP, with which it is refused.
        reason: why, with what to do.
    """

    provider: str
    kind: OperationKind
    api: ClientApi
    method: str = "POST"
    path: str = ""
    model: str | None = None
    is_streamed: bool = False
    status: int = 200
    reason: str = ""


_CALLS = {
    "chat/completions": ClientApi.CHAT,
    "responses": ClientApi.RESPONSES,
    "messages": ClientApi.MESSAGES,
}
_FREE = {
    "messages/count_tokens": ClientApi.MESSAGES,
    "responses/input_tokens": ClientApi.RESPONSES,
}
# First words of what is known and has no price here yet. Inspect goes on without `compact` where
# that is not found.
_NO_PRICE = {
    "embeddings": "embeddings are not priced here",
    "completions": "the older API of plain completions is not priced here",
    "audio": "audio is not priced here",
    "images": "images are not priced here",
    "videos": "videos are not priced here",
    "files": "files are input of calls that are not seen here",
    "uploads": "files are input of calls that are not seen here",
    "batches": "a batch is billed when its calls are no longer seen here",
    "messages/batches": "a batch is billed when its calls are no longer seen here",
    "fine_tuning": "training is not priced here",
    "moderations": "moderation is not priced here",
    "rerank": "ranking is not priced here",
    "conversations": "a conversation is input that is not in the request",
    "responses": "a stored response is no call that is priced here",
    "cachedContents": "cached content is input that is not in the request",
    "assistants": "the provider makes the calls of an assistant by itself",
    "threads": "the provider makes the calls of an assistant by itself",
    "realtime": "sound is not priced here",
}
_GOOGLE_CALLS = {"generateContent": False, "streamGenerateContent": True}  # streamed
_VERSION = re.compile(r"v\d\w*")
_PREFIXES = ("openai", "api")
_MODEL = re.compile(r"[\w.@:-]+(/[\w.@:-]+){0,4}")
_MAX_PATH = 1000  # characters


def find_operation(path: str, providers: Mapping[str, Provider] | None = None) -> Operation:
    """Return what a path asks for.

    Args:
        path: behind the secret, as it came and without its query: `openai/v1/chat/completions`.
        providers: that are known, by name; those that are built in, unless given.
    """
    name, *words = [word for word in path.split("/") if word] or [""]
    known = (builtin_providers() if providers is None else providers).get(name)
    if len(path) > _MAX_PATH or not all(map(_is_plain, words)):
        return _refuse(name, "", "its path is none of an API")
    native = known is not None and known.kind == "google"
    rest = "/".join(_drop_prefixes(words, known))
    if native and rest.startswith("openai/"):
        plain = _find_plain(name, rest.removeprefix("openai/"))
        return replace(plain, path=f"/openai{plain.path}") if plain.path else plain
    if (native or (known is None and ":" in rest)) and (found := _find_google(name, rest)):
        return found
    return _find_plain(name, rest)


def _drop_prefixes(words: list[str], provider: Provider | None) -> list[str]:
    """Return the words of a path without the versions and prefixes before its operation."""
    own = _list_prefixes(provider) if provider else _PREFIXES
    first = next(
        (at for at, word in enumerate(words) if not _VERSION.fullmatch(word) and word not in own),
        len(words),
    )
    return words[first:]


def _list_prefixes(provider: Provider) -> set[str]:
    """Return the words before an operation, also where it is sent to an address of the user's."""
    builtin = builtin_providers().get(provider.name, provider)
    addresses = (provider.base_url, builtin.base_url)
    return {word for each in addresses for word in urlsplit(each).path.split("/")}


def _find_plain(name: str, rest: str) -> Operation:
    """Return an operation of OpenAI's or Anthropic's form."""
    if api := _CALLS.get(rest):
        return Operation(name, OperationKind.CALL, api, path=f"/{rest}")
    if api := _FREE.get(rest):
        return Operation(name, OperationKind.FREE, api, path=f"/{rest}")
    api = ClientApi.MESSAGES if name == "anthropic" else ClientApi.CHAT
    if rest == "models" or (rest.startswith("models/") and _MODEL.fullmatch(unquote(rest[7:]))):
        return Operation(name, OperationKind.FREE, api, "GET", f"/{rest}")
    return _refuse(name, rest, "")


def _find_google(name: str, rest: str) -> Operation | None:
    """Return an operation of Google's form: `models`, `models/ID`, `models/ID:method`."""
    api = ClientApi.GENERATE
    head, colon, method = rest.rpartition(":")
    if not colon:
        is_list = rest == "models" or rest.startswith("models/")
        return Operation(name, OperationKind.FREE, api, "GET", f"/{rest}") if is_list else None
    model = unquote(head).removeprefix("models/")
    if not head.startswith("models/") or not _MODEL.fullmatch(model):
        return None
    path = f"/models/{quote(model, safe='')}:{method}"
    if method == "countTokens":
        return Operation(name, OperationKind.FREE, api, path=path, model=model)
    if method not in _GOOGLE_CALLS:
        return _refuse(name, rest, "it is not priced here", api)
    return Operation(
        name,
        OperationKind.CALL,
        api,
        path=path,
        model=model,
        is_streamed=_GOOGLE_CALLS[method],
    )


def _refuse(name: str, rest: str, reason: str, api: ClientApi | None = None) -> Operation:
    first = rest.partition("/")[0]
    two = "/".join(rest.split("/")[:2])
    known = reason or _NO_PRICE.get(two) or _NO_PRICE.get(first)
    missing = not known or two == "responses/compact"
    why = known or "it is no operation that is known here"
    form = ClientApi.MESSAGES if name == "anthropic" else ClientApi.CHAT
    return Operation(
        name,
        OperationKind.REFUSED,
        api or (ClientApi.GENERATE if name == "google" else form),
        status=404 if missing else 400,
        reason=f"afcost does not pass {_show(rest)} on: {why}; make such calls outside of it",
    )


def _is_plain(word: str) -> bool:
    """Return whether a word of a path is what it seems to be, and leads nowhere else."""
    meant = unquote(word)
    return (
        meant.isprintable()
        and meant.strip(".") != ""
        and ".." not in meant.split("/")
        and not any(each in meant for each in "\\?#")
    )


def _show(rest: str) -> str:
    return f"/{rest[:60]}"
