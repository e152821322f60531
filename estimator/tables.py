"""Tables: this room's rules and figures, kept as YAML beside the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def table(name: str) -> Any:  # noqa: ANN401 - whatever the table holds
    """Read one of this folder's YAML files; the loader in C is ten times as fast."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_FAST)  # noqa: S506 - both are safe loaders
