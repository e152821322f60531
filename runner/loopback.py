"""Listening for this machine's programs only: the pages of `afcost view`, the gateway's door."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine only.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        said = f"cannot listen on {LOOPBACK}:{port}: {error.strerror}"
        raise OSError(error.errno, said) from None
    return listener
