"""A server tells why it did not start, and never outlives its parent."""

import subprocess
import sys
import time
import urllib.request

import pytest

from tests.support import process

ORPHAN = f"""
import os, signal
from {process.PACKAGE}.provider.server import run_provider
with run_provider() as provider:
    print(provider.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_that_fails_says_what_it_wrote():
    with (
        pytest.raises(process.ServerDidNotStartError, match="invalid int value: 'none'"),
        process.run("provider.server", "--port=none"),
    ):
        pytest.fail("it has no address")


def test_a_server_ends_with_the_test():
    with process.run("provider.server") as url:
        assert _answers(url)
    assert not _answers(url)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_server_ends_when_its_parent_is_killed():
    parent = subprocess.run(
        [sys.executable, "-c", ORPHAN],
        cwd=process.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    url = parent.stdout.strip()
    assert url
    deadline = time.monotonic() + 10
    while _answers(url) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _answers(url)


def _answers(url):
    try:
        urllib.request.urlopen(f"{url}/bill", timeout=5).close()  # noqa: S310 - loopback
    except OSError:  # refused, or cut while it ends
        return False
    return True
