"""Files by which a program trusts the gateway's certificate beside what it trusted before.

A variable that names such a file replaces its client's own roots. So each file has what the user's
variable names or, where it names nothing, the roots of this system and those of certifi.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import certifi

from runner.gateway.intercept.hosts import list_trust_variables

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


def write_trusted_files(base: Mapping[str, str], authority: bytes, folder: Path) -> dict[str, str]:
    """Write the files, and return the variables that name them.

    Args:
        base: the environment that a program would have.
        authority: the certificate to trust beside the others, in PEM.
        folder: for the files.
    """
    roots = list(_read_roots(base))
    named = {}
    for number, each in enumerate(list_trust_variables()):
        own = base.get(each.variable, "").strip()
        before = _read_path(Path(own)) if own else iter([] if each.extra else roots)
        file = folder / f"trusted-{number}.pem"
        file.write_bytes(b"\n".join(dict.fromkeys([*before, *_find(authority)])) + b"\n")
        named[each.variable] = str(file)
    return named


def _read_roots(base: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the roots that clients begin with: of the system, and of certifi."""
    system = ssl.get_default_verify_paths()
    yield from _read_path(Path(certifi.where()))
    for path in (system.cafile, base.get("SSL_CERT_DIR", "").strip() or system.capath):
        yield from _read_path(Path(path)) if path else ()
    yield from _list_loaded()


def _list_loaded() -> Iterator[bytes]:
    """Yield what this system keeps in no file, as Windows does."""
    for each in ssl.create_default_context().get_ca_certs(binary_form=True):
        yield ssl.DER_cert_to_PEM_cert(each).strip().encode()


def _read_path(path: Path) -> Iterator[bytes]:
    """Yield the certificates of a file, or of a folder's files; what cannot be read has none."""
    files: Iterable[Path] = ()
    with suppress(OSError):
        files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        with suppress(OSError):
            yield from _find(file.read_bytes())


def _find(text: bytes) -> Iterator[bytes]:
    return (found.group() for found in _CERTIFICATE.finditer(text.replace(b"\r", b"")))
