"""Writing what is sent on: the client's body, with what its money needs and nothing else changed.

Values that are not changed keep the bytes that they came in, so that no number loses a digit. A
field that is given twice is sent once, as it was read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from providers.clients.bodies.client_call import ClientApi, ClientCall

_LIMIT_FIELDS = {
    ClientApi.CHAT: "max_completion_tokens",
    ClientApi.RESPONSES: "max_output_tokens",
    ClientApi.MESSAGES: "max_tokens",
    ClientApi.GENERATE: "maxOutputTokens",
}
CHAT_LIMITS = ("max_tokens", "max_completion_tokens")  # what providers call it in a chat
_TRUE = Raw(b"true")
_split = Decoder(dict[str, Raw]).decode
_join = Encoder().encode


def write_body(  # noqa: PLR0913 - what providers differ in
    call: ClientCall,
    *,
    limit: int | None,
    model_id: str | None = None,
    limit_field: str | None = None,
    tier: str = "",
    asks_usage: bool = True,
) -> bytes:
    """Write the body that a call is sent on with.

    Args:
        call: as it was read.
        limit: output tokens of each answer, written where the body has none; None to write none.
        model_id: the provider's id of the model, where it is not what the program writes; Google's
            is in the path.
        limit_field: what the limit is called, where a provider has another name than OpenAI's for
            its own: Mistral's is `max_tokens`, and it refuses any other.
        tier: the `service_tier` that asks for the standard price, written where the body leaves
            the choice to the provider; empty to leave it so, as Google's bodies always do.
        asks_usage: whether a streamed chat completion is asked for its usage. Mistral sends it in
            any case and refuses the question (422 extra_forbidden, stream_options.include_usage).
    """
    fields: dict[str, Any] = dict(_split(call.sent))
    if call.api is ClientApi.GENERATE:
        fields |= {name: _open(fields[name]) for name in _CONFIGS if name in fields}
    if model_id is not None and call.api is not ClientApi.GENERATE:
        fields["model"] = model_id
    if limit is not None and call.limit is None:
        _write_limit(call.api, fields, limit_field or _LIMIT_FIELDS[call.api], limit)
    elif limit_field == "max_tokens" and call.limit_field == "max_completion_tokens":
        fields["max_tokens"] = call.limit  # a name that is not known there bounds nothing
    if (
        tier
        and call.api is not ClientApi.GENERATE
        and call.options.get("service_tier") in (None, "auto")
    ):
        fields["service_tier"] = tier
    if asks_usage and call.api is ClientApi.CHAT and call.is_streamed:
        # Also where the client asks in OpenRouter's way, which other servers do not know.
        options = _open(fields.get("stream_options"))
        if options.get("include_usage") != _TRUE:
            fields["stream_options"] = options | {"include_usage": True}
    return _join(fields)


def _write_limit(api: ClientApi, fields: dict[str, Any], name: str, limit: int) -> None:
    if api is not ClientApi.GENERATE:
        fields[name] = limit
        return
    written = next((each for each in _CONFIGS if each in fields), _CONFIGS[0])
    config = fields.get(written, {})
    fields[written] = {n: v for n, v in config.items() if n != "max_output_tokens"} | {name: limit}


_CONFIGS = ("generationConfig", "generation_config")


def _open(value: object) -> dict[str, Any]:
    """Return the fields of an object as they came; none where it is null or not there."""
    if isinstance(value, Raw) and bytes(value).lstrip()[:1] == b"{":
        return dict(_split(bytes(value)))
    return {}
