"""Writing an answer in the form of the API that a call came by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.clients import ClientApi, ClientCall
from runner.rehearsal.answers.chat import stream_chat, write_chat
from runner.rehearsal.answers.events import write_event
from runner.rehearsal.answers.generate import stream_generated, write_generated
from runner.rehearsal.answers.messages import stream_message, write_message
from runner.rehearsal.answers.responses import stream_response, write_response
from runner.rehearsal.answers.said import Said


def write_whole(call: ClientCall, said: Said) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    match call.api:
        case ClientApi.CHAT:
            return write_chat(said)
        case ClientApi.RESPONSES:
            return write_response(said, call.body)
        case ClientApi.MESSAGES:
            return write_message(said)
        case ClientApi.GENERATE:
            return write_generated(said)


def write_stream(call: ClientCall, said: Said) -> Iterator[bytes]:
    """Yield the events of a streamed answer, as they are sent."""
    match call.api:
        case ClientApi.CHAT:
            yield from map(write_event, stream_chat(said, wants_usage=call.wants_usage))
            yield b"data: [DONE]\n\n"
        case ClientApi.RESPONSES:
            for event in stream_response(said, call.body):
                yield write_event(event, is_named=True)
        case ClientApi.MESSAGES:
            for event in stream_message(said):
                yield write_event(event, is_named=True)
        case ClientApi.GENERATE:
            yield from map(write_event, stream_generated(said))
