"""StreamAssembler: passes a streamed answer on as it comes, and puts it together beside that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from providers.clients.bodies import ClientApi, ClientCall, parse_quietly
from providers.clients.streams.chat_answer import ChatAnswer, is_usage_chunk
from providers.clients.streams.event_stream import EventReader, StreamEvent
from providers.clients.streams.generate_answer import GenerateAnswer
from providers.clients.streams.merging import TextBudget
from providers.clients.streams.messages_answer import MessagesAnswer
from providers.clients.streams.responses_answer import ResponsesAnswer

_MAX_CHARS = 16 << 20  # of texts that are kept
_MAX_EVENT = 32 << 20  # bytes of one event; the last of the Responses API has all of the answer


class _Answer(Protocol):
    error: dict[str, Any] | None

    def add(self, event: dict[str, Any]) -> None: ...

    def end(self) -> None: ...

    def build(self) -> dict[str, Any] | None: ...


_ANSWERS: dict[ClientApi, Callable[[TextBudget], _Answer]] = {
    ClientApi.CHAT: ChatAnswer,
    ClientApi.RESPONSES: ResponsesAnswer,
    ClientApi.MESSAGES: MessagesAnswer,
    ClientApi.GENERATE: GenerateAnswer,
}


class StreamAssembler:
    """Reads one streamed answer. Nothing that a provider sends makes it raise.

    `feed` is given each piece, `flush` is called once the connection is over, then `finish`. A
    stream that its connection cut short may look whole: where reading it failed, `finish` does not
    say that all of it was read.

    Args:
        call: that is answered.
        max_chars: of text that are kept; what is longer is left out, and the figures are not.
        max_event: bytes of one event that is read; a longer one is passed on unread.
    """

    def __init__(
        self, call: ClientCall, *, max_chars: int = _MAX_CHARS, max_event: int = _MAX_EVENT
    ) -> None:
        self._budget = TextBudget(max_chars)
        self._answer: _Answer = _ANSWERS[call.api](self._budget)
        self._leaves_usage_out = call.api is ClientApi.CHAT and not call.wants_usage
        self._events = EventReader(max_event)
        self._list = _ListReader(max_event) if call.api is ClientApi.GENERATE else None

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The error that the stream told of; None where it told of none."""
        return self._answer.error

    @property
    def is_cut(self) -> bool:
        """Whether text was left out of what `finish` returns."""
        return self._budget.is_spent

    def feed(self, chunk: bytes) -> bytes:
        """Read a piece, and return what of it the client gets now.

        That is the piece itself. Of a chat completion whose client did not ask for the usage it is
        the events that are whole by now, without the one that only has the usage.
        """
        if self._list and self._list.feed(chunk):
            return chunk
        passed = [event.raw for event in self._events.feed(chunk) if self._read(event)]
        return b"".join(passed) if self._leaves_usage_out else chunk

    def flush(self) -> bytes:
        """Return what the client gets yet when the stream is over."""
        passed = [event.raw for event in self._events.end() if self._read(event)]
        return b"".join(passed) if self._leaves_usage_out else b""

    def finish(self) -> Mapping[str, Any] | None:
        """Return the answer as the API gives it unstreamed.

        None where the stream stopped before the answer did, or where it says no usage.
        """
        self.flush()
        with suppress(RecursionError):  # of an answer that is nested as no honest one is
            for chunk in self._list.chunks() if self._list else ():
                self._answer.add(chunk)
            return self._answer.build()
        return None

    def _read(self, event: StreamEvent) -> bool:
        """Read an event, and return whether the client gets it."""
        if event.data is None:
            return True
        if event.data.startswith(b"[DONE]"):
            self._answer.end()
            return True
        parsed = parse_quietly(event.data)
        if isinstance(parsed, dict):
            with suppress(RecursionError):  # the same
                self._answer.add(parsed)
        return not (self._leaves_usage_out and is_usage_chunk(parsed))


class _ListReader:
    """Keeps an answer that Google streams as one JSON list, which it does without `alt=sse`.

    Args:
        max_bytes: of the list; a longer one is not read.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._is_list: bool | None = None

    def feed(self, chunk: bytes) -> bool:
        """Return whether a piece is of a list."""
        if self._is_list is None and chunk.strip():
            self._is_list = chunk.lstrip().startswith(b"[")
        if self._is_list and len(self._kept) <= self._max_bytes:
            self._kept += chunk
        return bool(self._is_list)

    def chunks(self) -> list[dict[str, Any]]:
        """Return the chunks of the list, once all of it has come."""
        whole = parse_quietly(bytes(self._kept)) if len(self._kept) <= self._max_bytes else None
        return [each for each in whole if isinstance(each, dict)] if isinstance(whole, list) else []
