"""JSON files that afcost writes, read with care: a stranger may have written or replaced them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiment.errors import RefusedFile
from experiment.file_access import read_user_file

MAX_JSON_BYTES = 8 << 20  # unpacked, the smallest values take some thirty times as much


def read_json_file(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:  # noqa: ANN401 - any JSON
    """Read a JSON file.

    Args:
        path: of the file.
        max_bytes: the size from which it is refused.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, too large, not UTF-8, or not JSON.
    """
    try:
        return json.loads(read_user_file(path, max_bytes).decode())
    except RefusedFile as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("lists or objects are nested too deep") from error
