"""Vendors: by whose rules a provider's failures are read.

A built-in provider has its own, wherever its requests go. One of the user's own has those of the
service that its address belongs to; failing that, those of a vendor that speaks the same API.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pricing.data_files import read_data_file
from providers.failures.body import normalize_name
from providers.provider import Provider

_FILE = Path(__file__).with_name("vendors.yaml")
_OF_KIND = {
    "openai": ("openai", "vllm", "sglang", "llama.cpp", "ollama"),
    "responses": ("openai",),
    "anthropic": ("anthropic",),
    "google": ("gemini",),
}


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose failures they are.

    Attributes:
        name: its rows; empty where only those of others are known.
        rows: the names of all whose rows are tried, in order.
    """

    name: str
    rows: tuple[str, ...]


def find_vendor(provider: Provider) -> Vendor:
    """Return by whose rules a provider's failures are read."""
    return _find_vendor(provider.name, provider.base_url, provider.kind)


@lru_cache(maxsize=256)  # every answer asks for it
def _find_vendor(provider: str, base_url: str, kind: str) -> Vendor:
    known = load_vendors()
    for name, vendor in known.items():
        if provider in vendor.get("builtin", ()):
            return _make_vendor(name)
    host = _find_host(base_url)
    for name, vendor in known.items():
        if any(_is_in(host, each) for each in vendor.get("hosts", ())):
            return _make_vendor(name)
    return Vendor("", _OF_KIND.get(kind, ()))


def find_vendor_by_name(written: str) -> Vendor:
    """Return the vendor that a router names."""
    name = normalize_name(written)
    for vendor, fields in load_vendors().items():
        own = (vendor, *fields.get("builtin", ()), *fields.get("names", ()))
        if name in {normalize_name(each) for each in own}:
            return _make_vendor(vendor)
    return Vendor("", ("openai",))


@cache
def load_vendors() -> dict[str, dict[str, Any]]:
    """Return what `vendors.yaml` says of each vendor."""
    vendors: dict[str, dict[str, Any]] = read_data_file(_FILE)
    return vendors


def _make_vendor(name: str) -> Vendor:
    return Vendor(name, (name, *load_vendors()[name].get("like", ())))


def _find_host(base_url: str) -> str:
    try:
        return (urlsplit(base_url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_in(host: str, end: str) -> bool:
    """Return whether a host is one, or below it; Google's have a region in front with a dash."""
    return host == end or host.endswith((f".{end}", f"-{end}"))
