"""Data files: this room's rules and figures, kept as YAML beside the code that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read a YAML file; the loader in C is ten times as fast."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_FAST)  # noqa: S506 - both are safe
