"""Reading a client's body: what is asked, how much it may answer, and what cannot be priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.clients.bodies.chat_body import asks_for_usage, read_chat
from providers.clients.bodies.client_call import ClientApi, ClientCall
from providers.clients.bodies.fields import (
    count_hidden,
    find_rules,
    list_unknown,
    pick_options,
    read_choices,
    read_limit,
    read_model,
    refuse_fields,
)
from providers.clients.bodies.generate_body import flatten_generate, read_generate
from providers.clients.bodies.json_text import parse_body
from providers.clients.bodies.messages_body import read_messages
from providers.clients.bodies.prompt import Prompt
from providers.clients.bodies.responses_body import read_responses
from providers.errors import CannotPrice


@dataclass(frozen=True, slots=True)
class _Names:
    """What an API's bodies call the limit and the number of answers, and how a prompt is read."""

    limits: tuple[str, ...]
    choices: str
    read: Callable[[dict[str, Any]], Prompt]


_NAMES = {
    ClientApi.CHAT: _Names(("max_completion_tokens", "max_tokens"), "n", read_chat),
    ClientApi.RESPONSES: _Names(("max_output_tokens",), "", read_responses),
    ClientApi.MESSAGES: _Names(("max_tokens",), "", read_messages),
    ClientApi.GENERATE: _Names(("maxOutputTokens",), "candidateCount", read_generate),
}


def read_call(
    api: ClientApi, body: bytes, *, model: str | None = None, streamed: bool = False
) -> ClientCall:
    """Read a body that a program's client sends.

    Args:
        api: that it is sent to.
        body: as it came, in UTF-8.
        model: where the path names it, as Google's does.
        streamed: the same, of whether the answer is streamed.

    Raises:
        CannotPrice: it cannot be read, or something in it cannot be bounded: what is no text, what
            the provider runs or looks up, a price that is not the standard one.
    """
    try:
        return _read(api, body, model, streamed=streamed)
    except RecursionError as error:
        raise CannotPrice("the body is nested too deeply; send a flatter one") from error


def _read(api: ClientApi, sent: bytes, model: str | None, *, streamed: bool) -> ClientCall:
    body = parse_body(sent)
    fields = flatten_generate(body) if api is ClientApi.GENERATE else body
    rules, names = find_rules(api), _NAMES[api]
    refuse_fields(rules, fields)
    prompt = names.read(fields)
    for unknown in list_unknown(rules, fields):
        prompt.put_beside(unknown)
    limit, limit_field = read_limit(fields, *names.limits)
    marks = {"cache_control": prompt.cache_marks} if prompt.cache_marks else {}
    return ClientCall(
        api=api,
        model=read_model(model if api is ClientApi.GENERATE else body.get("model")),
        messages=tuple(prompt.messages),
        beside=tuple(prompt.beside),
        hidden_tokens=prompt.hidden_tokens + count_hidden(rules, fields),
        limit=limit,
        limit_field=limit_field,
        choices=read_choices(fields, names.choices) if names.choices else 1,
        is_streamed=_is_streamed(api, body, streamed=streamed),
        wants_usage=api is ClientApi.CHAT and asks_for_usage(body),
        options=pick_options(rules, fields) | marks,
        body=body,
        sent=sent,
    )


def _is_streamed(api: ClientApi, body: dict[str, Any], *, streamed: bool) -> bool:
    """Return whether the answer is streamed.

    Raises:
        CannotPrice: the body says it in a way that a provider may take for either.
    """
    if api is ClientApi.GENERATE:
        return streamed
    asked = body.get("stream")
    if asked is not None and not isinstance(asked, bool):
        raise CannotPrice("stream: it is neither true nor false; use one of them")
    return asked is True
