"""A certificate authority for one program, whose key is gone once it has signed for its hosts.

It signs one certificate for all of them, and nothing can be signed with it later. It may speak for
these hosts only (name constraints): a program that trusts it is led astray about no other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509 import (
    AuthorityKeyIdentifier,
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    DNSName,
    ExtendedKeyUsage,
    ExtensionType,
    IPAddress,
    KeyUsage,
    Name,
    NameAttribute,
    NameConstraints,
    SubjectAlternativeName,
    SubjectKeyIdentifier,
    random_serial_number,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=30)  # longer than a program is expected to run
_EARLIER = timedelta(hours=1)  # a clock may be set back a little meanwhile
_AUTHORITY, _SERVER = "afcost, for one program", "afcost gateway"
_ALL_ADDRESSES = [IPAddress(ip_network(each)) for each in ("0.0.0.0/0", "::/0")]
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_Extensions = list[tuple[ExtensionType, bool]]


@dataclass(frozen=True, slots=True)
class Issued:
    """What an authority left.

    Attributes:
        authority: its own certificate, in PEM: what a client must trust.
        chain: the server's certificate with its encrypted key, in PEM.
    """

    authority: bytes
    chain: bytes = field(repr=False)


def issue_certificate(hosts: Collection[str], password: bytes) -> Issued:
    """Make an authority and a certificate for hosts, whose key is encrypted by a password."""
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _sign(_AUTHORITY, root_key, root_key, _of_authority(root_key, hosts))
    server = _sign(_SERVER, key, root_key, _of_server(key, root_key, hosts))
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    return Issued(root.public_bytes(Encoding.PEM), server.public_bytes(Encoding.PEM) + encrypted)


def _of_authority(key: EllipticCurvePrivateKey, hosts: Collection[str]) -> _Extensions:
    return [
        (BasicConstraints(ca=True, path_length=0), True),
        (_allow_use("key_cert_sign"), True),
        (NameConstraints([DNSName(each) for each in sorted(hosts)], _ALL_ADDRESSES), True),
        (SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]


def _of_server(
    key: EllipticCurvePrivateKey, root_key: EllipticCurvePrivateKey, hosts: Collection[str]
) -> _Extensions:
    return [
        (BasicConstraints(ca=False, path_length=None), True),
        (_allow_use("digital_signature"), True),
        (ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (SubjectAlternativeName([DNSName(each) for each in sorted(hosts)]), False),
        (SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False),
    ]


def _allow_use(allowed: str) -> KeyUsage:
    return KeyUsage(**{each: each == allowed for each in _USAGES})


def _sign(
    name: str,
    key: EllipticCurvePrivateKey,
    root_key: EllipticCurvePrivateKey,
    extensions: _Extensions,
) -> Certificate:
    """Return a certificate of the authority's for a key, which begins to count now."""
    now = datetime.now(UTC)
    builder = (
        CertificateBuilder()
        .subject_name(_write_name(name))
        .issuer_name(_write_name(_AUTHORITY))
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LIFETIME)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(root_key, SHA256())


def _write_name(name: str) -> Name:
    return Name([NameAttribute(NameOID.COMMON_NAME, name)])
