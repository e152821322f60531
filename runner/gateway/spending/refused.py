"""Refused: a call that is not sent, and what its program is told."""

from __future__ import annotations

from enum import IntEnum


class Why(IntEnum):
    """Why a call is not sent, as the status that its client gets; none of them is sent again."""

    BAD_CALL = 400
    AT_CAP = 402
    STOPPED = 403
    NOT_FOUND = 404
    CLIENT_LEFT = 410


class Refused(Exception):
    """A call that is not sent.

    Args:
        status: of the reply.
        code: of the error.
        message: for the program and its user.
        option: of the cap that could not pay for it; empty for another reason.
    """

    def __init__(self, status: int, code: str, message: str, option: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.option = option
