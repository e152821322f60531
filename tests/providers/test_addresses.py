"""Which addresses are of machines near this one, in all forms that lead there."""

from __future__ import annotations

import pytest

from providers.addresses import is_public

NEAR = ("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0")  # noqa: S104
FAR = ("93.184.215.14", "8.8.8.8")


def write_forms(address: str) -> dict[str, str]:
    """Return the addresses of IPv6 that lead to one of IPv4."""
    a, b, c, d = map(int, address.split("."))
    high, low = f"{a << 8 | b:x}", f"{c << 8 | d:x}"
    return {
        "mapped": f"::ffff:{address}",
        "NAT64": f"64:ff9b::{address}",
        "6to4": f"2002:{high}:{low}::1",
        "ISATAP": f"2606:4700::5efe:{high}:{low}",
        "ISATAP of a global one": f"2606:4700::200:5efe:{high}:{low}",
    }


@pytest.mark.parametrize("address", NEAR)
def test_what_leads_to_a_near_machine_is_not_public(address):
    assert not is_public(address)
    assert {name: is_public(each) for name, each in write_forms(address).items()} == dict.fromkeys(
        write_forms(address), False
    )


@pytest.mark.parametrize("address", FAR)
def test_what_leads_to_a_host_of_the_internet_is_public(address):
    assert is_public(address)
    assert {name: is_public(each) for name, each in write_forms(address).items()} == dict.fromkeys(
        write_forms(address), True
    )


@pytest.mark.parametrize(
    "address",
    [
        *("127.1", "0x7f.1", "0177.0.0.1", "2130706433", "224.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1"),
        *("2001:0:5ef5:79fb:0:59d:a0b8:d5a4", "fe80::1%eth0", "fd00::1", "fec0::1", "ff0e::1"),
        *("100::1", "2001:db8::1", "5f00::1", "4000::1"),
    ],
)
def test_other_forms_are_not_public(address):
    assert not is_public(address)


def test_an_address_of_a_host_is_public_and_a_name_is_none():
    assert is_public("2606:4700:4700::1111")
    for name in ("example.org", "localhost", "", "fe80::x"):
        with pytest.raises(ValueError, match=r"."):
            is_public(name)
