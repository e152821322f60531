"""Versions of what requests and counts depend on, as installed here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("afcost", "jinja2", "splintr-rs", "tokenizers", "transformers", "mistral-common")


def list_versions() -> dict[str, str]:
    """Return the version of Python, afcost, and each package that renders or counts prompts."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an extra, or a checkout that is not installed
            continue
    return found
