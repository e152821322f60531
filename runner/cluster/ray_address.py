"""The address of Ray's cluster, looked at before anything is opened: Ray itself takes minutes."""

from __future__ import annotations

import socket

from runner.errors import CannotSend

AUTO = "auto"
_TIMEOUT = 5.0  # seconds


def check_ray_address(address: str) -> None:
    """Refuse an address at which no cluster can be.

    Args:
        address: `auto`, or `HOST:PORT` of the cluster's head.

    Raises:
        CannotSend: it is neither, or nothing listens there.
    """
    if address == AUTO:
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise _refuse(address, "is not the HOST:PORT of a cluster's head")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _refuse(address, f"cannot be reached ({error})") from error


def _refuse(address: str, why: str) -> CannotSend:
    return CannotSend(
        f"--ray {address} {why}; nothing was sent. Start a cluster with  ray start --head  or use "
        "--ray auto"
    )
