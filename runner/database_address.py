"""Addresses of PostgreSQL databases: what of one may be shown and stored.

Beside its password, the parameters of an address can hold secrets in many spellings: a key's
passphrase, `options`, a service or a password file. So only what is known to hold none is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from providers.secrets import remember_password

_SAFE_PARAMETERS = {
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "connect_timeout",
    "channel_binding",
    "gssencmode",
    "sslcert",
    "sslkey",
}
# These are not kept either, but are no secrets, so that they may stand in other texts.
_PLAIN_PARAMETERS = {
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "keepalives",
    "load_balance_hosts",
    "replication",
    "sslcrl",
    "sslcrldir",
    "require_auth",
}
_SETTING = re.compile(r"=\s*([^\s=]{8,})")  # in `options`


def without_password(url: str) -> str:
    """Return a database address without its secrets, as it may be shown and stored."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    named = [(k, v) for k, v in _read_parameters(parts.query) if k in _SAFE_PARAMETERS]
    shown = f"{user.partition(':')[0]}{at}{host}", parts.path, urlencode(named, safe="/"), ""
    return urlunsplit((parts.scheme, *shown))


def remember_passwords(url: str) -> None:
    """Remember what an address hides, so that it is in no error of the database's driver."""
    for secret in _find_passwords(url):
        remember_password(secret)
        remember_password(unquote(secret))


def _find_passwords(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    yield parts.netloc.rpartition("@")[0].partition(":")[2]
    for name, value in _read_parameters(parts.query):
        if name not in _SAFE_PARAMETERS | _PLAIN_PARAMETERS:
            yield value
            yield from _SETTING.findall(value)


def _read_parameters(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)
