"""The environment of a program whose clients shall come to the door, without real keys.

Each client reads the address of its provider from a variable of its own, and a key, which it does
not look at. So the program gets addresses that lead through the door and keys that are none. The
real ones, under whatever name, do not reach it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from providers.provider import Provider
from runner.gateway.program.variables import (
    find_cloud,
    is_key_variable,
    list_addresses,
    list_removed,
)

DUMMY_KEY = "afcost"
GUARD_VARIABLE = "AFCOST_GUARD"  # holds the door's address
_LOOPBACK = ("127.0.0.1", "localhost")
_NO_PROXY = ("no_proxy", "NO_PROXY")
# As providers write their keys; the digit tells one from a long name with dashes.
_WRITTEN_KEY = re.compile(r"\b(?:sk-|gsk_|xai-|csk-|fw_|tgp_|AIza)(?=[\w-]*\d)[\w-]{16,}")
_LEAST_KEY, _LEAST_PART = 8, 16  # characters of a key that is another value, or a part of one


def guarded_environment(
    base: Mapping[str, str],
    door_url: str,
    providers: Mapping[str, Provider],
    served: Collection[str] = (),
) -> dict[str, str]:
    """Return the environment of a program under the cap.

    Args:
        base: the environment that it would have.
        door_url: the door's address with its secret, without a slash at its end.
        providers: all that are known, by name.
        served: names of those that need no key of the user's. The program gets a key that is none
            for them, since clients demand one. For others it gets one where it had one: tools
            choose their models by the keys that they see.
    """
    real = find_keys(base, providers)
    kept = {name: value for name, value in base.items() if name not in list_removed()}
    kept = {name: _hide(_lead_in(value, door_url, providers), real) for name, value in kept.items()}
    return (
        kept
        | {each.variable: each.write_address(door_url) for each in list_addresses()}
        | dict.fromkeys(_list_key_variables(base, providers, served), DUMMY_KEY)
        | _except_loopback(base)
        | {GUARD_VARIABLE: door_url}
    )


def list_own_addresses(
    base: Mapping[str, str], providers: Mapping[str, Provider]
) -> dict[str, str]:
    """Return the variables with an address of the user's, which the door's replaces.

    A program that was meant for a server of one's own is meant for it still: `--upstream`.

    Args:
        base: the environment that a program would have.
        providers: all that are known, by name.

    Returns:
        variable -> the provider whose clients read it, to which its calls go instead.
    """
    return {
        each.variable: each.provider
        for each in list_addresses()
        if (value := base.get(each.variable, "").strip())
        and each.provider in providers
        and not _is_own(value, providers[each.provider])
    }


def list_ways_around(base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a program may ask a cloud past the door, and which cloud."""
    kept = {name for name, value in base.items() if value.strip()} - list_removed()
    return {name: cloud for name in sorted(kept) if (cloud := find_cloud(name))}


def _is_own(url: str, provider: Provider) -> bool:
    """Return whether an address is on a host of its provider's."""
    hosts = ("/".join(own.split("/")[:3]) for own in (provider.base_url, *provider.other_urls))
    return any(_is_below(url, host) for host in hosts if host)


def find_keys(base: Mapping[str, str], providers: Mapping[str, Provider]) -> list[str]:
    """Return the values of all keys in an environment, the longest first."""
    own = {name for each in providers.values() for name in each.api_key_env}
    values = {
        value.strip() for name, value in base.items() if name in own or is_key_variable(name, value)
    }
    return sorted((each for each in values if len(each) >= _LEAST_KEY), key=len, reverse=True)


def find_written_keys(words: Iterable[str]) -> list[str]:
    """Return what looks like a key in the words of a command, whether or not it is known."""
    return [found for word in words for found in _WRITTEN_KEY.findall(word)]


def _hide(value: str, keys: list[str]) -> str:
    if value.strip() in keys:
        return DUMMY_KEY
    for key in keys:
        if len(key) >= _LEAST_PART:
            value = value.replace(key, DUMMY_KEY)
    return value


def _lead_in(value: str, door_url: str, providers: Mapping[str, Provider]) -> str:
    """Return an address of a known provider's as one of the door; any other value unchanged."""
    if not value.startswith(("https://", "http://")):
        return value
    for provider in providers.values():
        for own in (provider.base_url, *provider.other_urls) if provider.api_key_env else ():
            host = "/".join(own.split("/")[:3])
            if own and _is_below(value, host):
                is_all = _is_below(value, own) and provider.kind != "google"
                behind = f"/v1{value.removeprefix(own)}" if is_all else value.removeprefix(host)
                return f"{door_url}/{provider.name}{behind}"
    return value


def _is_below(url: str, base_url: str) -> bool:
    return url == base_url or url.startswith(f"{base_url}/")


def _list_key_variables(
    base: Mapping[str, str], providers: Mapping[str, Provider], served: Collection[str]
) -> Iterator[str]:
    """Yield the variables that get a key that is none."""
    for name, provider in providers.items():
        had = [each for each in provider.api_key_env if base.get(each, "").strip()]
        yield from had or (provider.api_key_env if name in served else ())
    for variable, value in base.items():
        if value.strip() and variable not in list_removed() and is_key_variable(variable, value):
            yield variable


def _except_loopback(base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have requests to this machine go through no proxy."""
    given = next((base[name] for name in _NO_PROXY if base.get(name, "").strip()), "")
    return {name: _add_hosts(base.get(name, "").strip() or given) for name in _NO_PROXY}


def _add_hosts(listed: str) -> str:
    hosts = [each.strip() for each in listed.split(",") if each.strip()]
    return listed if "*" in hosts else ",".join(dict.fromkeys((*hosts, *_LOOPBACK)))
