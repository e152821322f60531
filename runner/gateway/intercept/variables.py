"""What a program's environment has, so that its connections come through the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from providers.proxies import names_host
from runner.gateway.intercept.hosts import HTTPS, KnownHosts

INTERCEPTED_VARIABLE = "AFCOST_INTERCEPTED"  # hosts, for the file that Node loads
_PROXY = ("HTTPS_PROXY", "https_proxy")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_PRELOAD = Path(__file__).with_name("node_preload.cjs")


def list_proxy_variables(
    guarded: Mapping[str, str], proxy_url: str, hosts: KnownHosts
) -> dict[str, str]:
    """Return the variables that lead a program's connections through the proxy.

    Args:
        guarded: its environment, as `guarded_environment` returns it.
        proxy_url: with its secret.
        hosts: that are known; none of them is reached directly, whatever NO_PROXY says.
    """
    node = f'{guarded.get("NODE_OPTIONS", "")} --require "{_quote(_PRELOAD)}"'.strip()
    excepted = _keep_others(guarded.get(_NO_PROXY[0], ""), hosts)
    return (
        dict.fromkeys(_PROXY, proxy_url)
        | dict.fromkeys(_NO_PROXY, excepted)
        | {"NODE_OPTIONS": node, INTERCEPTED_VARIABLE: ",".join([*hosts.providers, *hosts.refused])}
    )


def _keep_others(listed: str, hosts: KnownHosts) -> str:
    """Return what of NO_PROXY names no provider's host."""
    kept = [each.strip() for each in listed.split(",") if each.strip()]
    return ",".join(each for each in kept if not _names_provider(each, hosts))


def _names_provider(entry: str, hosts: KnownHosts) -> bool:
    return any(names_host(entry.lower(), host, HTTPS) for host in hosts.providers)


def _quote(path: Path) -> str:
    """Return a path as NODE_OPTIONS has it between quotes."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
