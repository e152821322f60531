"""What a program is told to trust, and what it still trusts; no key is in any file."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import certifi
import pytest
from cryptography import x509

from providers.registry import builtin_providers
from runner.errors import BadRun
from runner.gateway.door import Door
from runner.gateway.intercept import authority as authorities
from runner.gateway.intercept import identity, intercept_connections, require_cryptography
from runner.gateway.intercept.hosts import list_trust_variables
from runner.gateway.intercept.trusted_files import write_trusted_files
from runner.gateway.intercept.variables import list_proxy_variables
from tests.runner.gateway.door.opened import echo
from tests.runner.gateway.intercept.intercepted import HOSTS, OPENAI

PROXY = "http://afcost:SECRET@127.0.0.1:4567"


def open_interception(base, look):
    """Take a program's connections, and return what `look` finds in its environment."""

    async def run():
        async with (
            Door(echo, note=print) as door,
            intercept_connections(door, base, base, builtin_providers()) as taken,
        ):
            return look(taken.environment)

    return asyncio.run(run())


def test_files_are_private_without_a_key_and_gone_at_the_end():
    def look(environment):
        folder = Path(environment["SSL_CERT_FILE"]).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        text = "".join(each.read_text() for each in folder.iterdir())
        assert "CERTIFICATE" in text
        assert "PRIVATE KEY" not in text
        assert environment["HTTPS_PROXY"] not in text
        return folder

    assert not open_interception({}, look).exists()


def test_the_key_is_in_a_file_only_encrypted_and_for_a_moment(tmp_path, monkeypatch):
    seen, load = [], ssl.SSLContext.load_cert_chain

    def note(tls, certfile, keyfile=None, password=None):
        seen.append((certfile.read_text(), certfile.stat().st_mode & 0o777))
        load(tls, certfile, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", note)
    identity.make_identity([OPENAI], tmp_path)
    ((text, mode),) = seen
    assert mode == 0o600
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "BEGIN PRIVATE KEY" not in text
    assert not [*tmp_path.iterdir()]


def test_the_authority_speaks_for_providers_hosts_only_and_not_for_long():
    issued = authorities.issue_certificate(HOSTS.providers, b"password")
    root = x509.load_pem_x509_certificate(issued.authority)
    limits = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert {each.value for each in limits.value.permitted_subtrees} == set(HOSTS.providers)
    assert {str(each.value) for each in limits.value.excluded_subtrees} == {"0.0.0.0/0", "::/0"}
    assert root.not_valid_after_utc - root.not_valid_before_utc < authorities.LIFETIME * 1.1


def test_a_certificate_for_another_host_is_refused_even_of_this_authority(tmp_path, monkeypatch):
    of_server = authorities._of_server
    monkeypatch.setattr(
        authorities, "_of_server", lambda *keys: of_server(*keys[:2], ["bank.test"])
    )
    false = identity.make_identity([OPENAI], tmp_path)

    async def run():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=false.tls)
        port = server.sockets[0].getsockname()[1]
        tls = ssl.create_default_context(cadata=false.authority.decode())
        async with server:
            await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="bank.test")

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        asyncio.run(run())


def test_what_a_program_trusted_before_it_trusts_still(tmp_path):
    folder, own = tmp_path / "new", tmp_path / "own.pem"
    folder.mkdir()
    ca = authorities.issue_certificate(["company.example"], b"x").authority
    added = authorities.issue_certificate([OPENAI], b"x").authority
    own.write_bytes(b"# of the company\r\n" + ca.replace(b"\n", b"\r\n"))
    base = {"REQUESTS_CA_BUNDLE": str(own), "NODE_EXTRA_CA_CERTS": str(tmp_path / "none")}
    named = write_trusted_files(base, added, folder)
    assert named.keys() == {each.variable for each in list_trust_variables()}
    text = {name: Path(path).read_bytes() for name, path in named.items()}
    assert all(added.strip() in each for each in text.values())
    assert text["REQUESTS_CA_BUNDLE"].split() == ca.split() + added.split()
    assert text["NODE_EXTRA_CA_CERTS"].split() == added.split()  # beside Node's own
    roots = ssl.create_default_context(cadata=Path(certifi.where()).read_text())
    led = ssl.create_default_context(cadata=text["SSL_CERT_FILE"].decode())
    assert {*roots.get_ca_certs(True)} < {*led.get_ca_certs(True)}  # noqa: FBT003 - ssl's


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        ("127.0.0.1,localhost", "127.0.0.1,localhost"),
        ("*", ""),
        (".openai.com, intranet.test,10.0.0.0/8,localhost", "intranet.test,10.0.0.0/8,localhost"),
        ("api.openai.com:443,COM", ""),
    ],
)
def test_no_provider_is_reached_directly_whatever_no_proxy_says(listed, kept):
    found = list_proxy_variables({"NO_PROXY": listed}, PROXY, HOSTS)
    assert found["NO_PROXY"] == found["no_proxy"] == kept
    assert found["HTTPS_PROXY"] == found["https_proxy"] == PROXY


def test_nodes_options_are_kept():
    found = list_proxy_variables({"NODE_OPTIONS": "--max-old-space-size=99"}, PROXY, HOSTS)
    assert found["NODE_OPTIONS"].startswith('--max-old-space-size=99 --require "/')
    assert OPENAI in found["AFCOST_INTERCEPTED"].split(",")


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr(identity, "find_spec", lambda _: None)
    with pytest.raises(BadRun, match=r"pip install 'afcost\[intercept\]'"):
        require_cryptography()
