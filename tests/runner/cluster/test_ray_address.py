"""An address at which no cluster can be is refused at once, not after Ray's minutes."""

from __future__ import annotations

import socket

import pytest

from runner.cluster.ray_address import check_ray_address
from runner.errors import CannotSend


@pytest.fixture
def port():
    """Return a port on which something listens, and nothing after the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_cluster_that_can_be_reached_is_taken(port):
    check_ray_address("auto")
    check_ray_address(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", ":6379", "local", "a:b"])
def test_what_is_no_host_and_port_is_refused(address):
    with pytest.raises(CannotSend, match=r"is not the HOST:PORT .*nothing was sent.*--ray auto"):
        check_ray_address(address)


def test_an_address_where_nothing_listens_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    for address in (f"127.0.0.1:{free}", "127.0.0.1:99999"):
        with pytest.raises(CannotSend, match="cannot be reached"):
            check_ray_address(address)
