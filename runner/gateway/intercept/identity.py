"""What a program is answered with where it means to speak to a provider: TLS with a certificate."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from runner.errors import BadRun


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate for providers' hosts, and what to trust for it.

    Attributes:
        tls: of the server's side, by HTTP/1.1 only; it alone has the key.
        authority: the certificate to trust, in PEM.
    """

    tls: ssl.SSLContext = field(repr=False)
    authority: bytes


def require_cryptography() -> None:
    """Check that certificates can be made.

    Raises:
        BadRun: the extra for it is not installed.
    """
    if find_spec("cryptography") is None:
        raise BadRun("--intercept needs cryptography; install it:  pip install 'afcost[intercept]'")


def make_identity(hosts: Collection[str], folder: Path) -> Identity:
    """Make a certificate for hosts, by an authority of its own.

    Args:
        hosts: that it is for.
        folder: a private one, which has a file for a moment.
    """
    from runner.gateway.intercept.authority import (  # noqa: PLC0415 - needs an extra
        issue_certificate,
    )

    password = secrets.token_bytes(32)
    issued = issue_certificate(hosts, password)
    return Identity(_make_context(issued.chain, password, folder), issued.authority)


def _make_context(chain: bytes, password: bytes, folder: Path) -> ssl.SSLContext:
    """Return a server's context.

    Python's TLS reads a key from a file only. The file has it encrypted, by a password that is in
    no file, and is removed at once: what a killed process leaves of it is of no use.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    file = folder / "chain.pem"
    try:
        file.touch(0o600)
        file.write_bytes(chain)
        tls.load_cert_chain(file, password=password)
    finally:
        file.unlink(missing_ok=True)
    return tls
