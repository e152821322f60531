"""A base URL: what may stand in one, so that everything that reads it finds the same host.

Clients disagree about user names, backslashes, control characters and letters that are not ASCII,
so an address with any of them is refused when the file is read. It is shown to people before a key
is sent to it, and must be what it looks like.
"""

from __future__ import annotations

import re

_LONGEST = 2_000  # characters
_LARGEST_PORT = 65_535
_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]{2,45}\]"
)
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*)*")
_PARTS = re.compile(r"(https?)://([^/]*)(/.*)?", re.DOTALL)


def check_base_url(url: str) -> str:
    """Return a base URL in which every client finds the same host.

    Raises:
        ValueError: it is none, or holds what an address of an API does not need.
    """
    if len(url) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    if not url.isascii():
        raise ValueError("write it in ASCII: the host in its xn-- form, other letters as %XX")
    if not url.isprintable() or " " in url:
        raise ValueError("spaces and control characters are not allowed in an address")
    if "\\" in url:
        raise ValueError("write / and not \\")
    if "@" in url:
        raise ValueError("a user name is not allowed: put the key into a variable, `api_key_env`")
    if "?" in url or "#" in url:
        raise ValueError("a query or fragment is not allowed: the API's route is put after it")
    parts = _PARTS.fullmatch(url)
    if parts is None:
        raise ValueError("expected an address such as http://localhost:8000/v1")
    _check_authority(parts[2])
    if not _PATH.fullmatch(parts[3] or ""):
        raise ValueError("its path holds a character that must be written as %XX")
    return url


def _check_authority(authority: str) -> None:
    host, port = authority, ""
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
        if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= _LARGEST_PORT:
            raise ValueError(f"{port!r} is not a port")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is not a host")
