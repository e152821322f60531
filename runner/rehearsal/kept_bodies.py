"""KeptBodies: what calls of a rehearsal sent, each text once, up to a size.

All of it is in memory until the estimate is made, and an estimate takes several times as much.
"""

from __future__ import annotations


class KeptBodies:
    """The bodies of calls.

    Args:
        most_bytes: of all of them together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._bodies: dict[bytes, bytes] = {}

    def keep(self, body: bytes) -> bytes | None:
        """Return a body that is kept, the same one for equal bodies; None where it is too much."""
        if (known := self._bodies.get(body)) is not None:
            return known
        if len(body) > self._left:
            return None
        self._left -= len(body)
        self._bodies[body] = body
        return body
