"""Data files: rules and figures, stored as YAML next to the code that uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pricing.read_files import digest_files, find_read_file, keep_read_file

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MIN_KEPT = 1024  # bytes; a shorter file is read as fast as what is kept of it


def read_data_file(path: Path) -> Any:  # noqa: ANN401 - any YAML
    """Read a YAML file that is installed with afcost, or what was kept of it.

    The loader in C, where PyYAML was built with it, is ten times as fast as the other; reading what
    was kept of the same bytes is twenty times as fast again.
    """
    data = path.read_bytes()
    if len(data) < _MIN_KEPT:
        return _parse_yaml(data)
    digest = digest_files(data, yaml.__version__)
    kept = find_read_file(path.name, digest)
    if kept is None:
        kept = _parse_yaml(data)
        keep_read_file(path.name, digest, kept)
    return kept


def _parse_yaml(data: bytes) -> Any:  # noqa: ANN401 - any YAML
    return yaml.load(data.decode(), Loader=_LOADER)  # noqa: S506 - both are safe
