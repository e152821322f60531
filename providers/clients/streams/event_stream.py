"""Server-sent events: cut into events as the bytes come, whatever pieces they come in.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Lines
end with CR LF, LF or CR; a comment begins with a colon; an event ends with an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a last CR may be half of an end
_FIRST_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream.

    Attributes:
        raw: its bytes as they came, with the empty line that ends it.
        data: its data lines, joined by line feeds; None where it has none, as a comment has not, or
            where it was too long to be kept.
    """

    raw: bytes
    data: bytes | None


class EventReader:
    """Cuts a stream into events.

    Args:
        max_bytes: of an event; what is longer is passed on in pieces and has no data.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._line_start = self._searched = 0  # in the buffer
        self._data: list[bytes] = []
        self._is_begun = self._is_too_long = self._is_cut_line = False

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Yield the events that a chunk ends; what is left of it is kept."""
        self._buffer += chunk
        while match := _LINE_END.search(self._buffer, self._searched):
            yield from self._end_line(match.start(), match.end())
        self._searched = max(len(self._buffer) - 1, self._line_start)
        if len(self._buffer) > self._max_bytes:
            yield self._cut_long_event()

    def end(self) -> Iterator[StreamEvent]:
        """Yield what is left when the stream is over, as a last event."""
        if self._buffer:
            end = len(self._buffer.rstrip(b"\r"))
            self._read_line(bytes(self._buffer[self._line_start : max(end, self._line_start)]))
            yield self._take(len(self._buffer))

    def _end_line(self, stop: int, next_start: int) -> Iterator[StreamEvent]:
        line = bytes(self._buffer[self._line_start : stop])
        self._searched = self._line_start = next_start
        if line or self._is_cut_line:
            self._read_line(line)
            self._is_cut_line = False
        else:
            yield self._take(next_start)

    def _read_line(self, line: bytes) -> None:
        if not self._is_begun:
            line, self._is_begun = line.removeprefix(_FIRST_MARK), True
        name, _, value = line.partition(b":")
        if name == b"data" and not self._is_too_long and not self._is_cut_line:
            self._data.append(value.removeprefix(b" "))

    def _take(self, stop: int) -> StreamEvent:
        """Return the event that ends at a place of the buffer."""
        raw = bytes(self._buffer[:stop])
        data = b"\n".join(self._data) if self._data and not self._is_too_long else None
        del self._buffer[:stop]
        self._line_start = self._searched = 0
        self._data, self._is_too_long = [], False
        return StreamEvent(raw, data)

    def _cut_long_event(self) -> StreamEvent:
        """Return what there is of an event that is too long; the rest of it follows."""
        self._is_cut_line = self._is_cut_line or len(self._buffer) > self._line_start
        event = StreamEvent(self._take(len(self._buffer)).raw, None)
        self._is_too_long = True
        return event
