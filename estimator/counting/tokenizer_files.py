"""The files of a tokenizer that an experiment file names, checked before a library reads them.

They may come from a stranger. A pattern with a repetition in a repetition, such as `(a+)+`, can
take years on a short text, and the library that runs it cannot be interrupted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from estimator.errors import BadTokenizer
from experiment.errors import RefusedFile
from experiment.file_access import Trust, find_holding_folder, open_file, resolve_path

_MAX_FILES = 1000
_MAX_BYTES = 64 << 20  # of one file; the largest published ones have half
_MAX_CONFIG_BYTES = 4 << 20
_MAX_PATTERN = 4000  # characters; the longest published one has 1,500
_CLASS_OR_ESCAPE = re.compile(r"\\.|\[(?:\\.|[^\\\]])*\]", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")


def check_tokenizer_files(folder: Path, own: Path, trust: Trust) -> None:
    """Check every file in a tokenizer's folder.

    Args:
        folder: of the tokenizer, without links.
        own: the experiment's folder.
        trust: where links may lead besides.

    Raises:
        BadTokenizer: one is no regular file, too large, leads out of the folder, or could make a
            library hang.
    """
    allowed = (str(folder), str(own), *trust.folders)
    for path in _list_files(folder):
        try:
            real = resolve_path(path)
            open_file(real, _MAX_BYTES).close()
        except (OSError, RefusedFile) as error:
            raise BadTokenizer(f"tokenizer {folder}: {error}") from error
        if find_holding_folder(real, allowed) is None:
            raise BadTokenizer(f"tokenizer {folder}: {path.name} is a link out of it, to {real}")
    _check_config(folder / "tokenizer_config.json")
    _check_patterns(folder / "tokenizer.json")


def _list_files(folder: Path) -> Iterator[Path]:
    number = 0
    for parent, folders, files in os.walk(folder):
        for name in (*files, *(each for each in folders if (Path(parent) / each).is_symlink())):
            number += 1
            if number > _MAX_FILES:
                raise BadTokenizer(f"tokenizer {folder}: more than {_MAX_FILES:,} files in it")
            if not (Path(parent) / name).is_dir():
                yield Path(parent) / name


def _check_config(path: Path) -> None:
    """Check that a tokenizer's settings name no file: a library would read it, wherever it is."""
    config = _read_json(path, _MAX_CONFIG_BYTES)
    for name, value in config.items() if isinstance(config, dict) else ():
        if name.endswith("_file") and isinstance(value, str) and Path(value).name != value:
            raise BadTokenizer(f"{path}: {name} names a file elsewhere, {value!r}; remove it")


def _check_patterns(path: Path) -> None:
    described = _read_json(path, _MAX_BYTES)
    parts = described if isinstance(described, dict) else {}
    for name in ("normalizer", "pre_tokenizer", "decoder"):
        for pattern in _list_patterns(parts.get(name)):
            if len(pattern) > _MAX_PATTERN or _repeats_repetition(pattern):
                raise BadTokenizer(
                    f"{path}: {name}: the pattern {pattern[:60]!r} repeats what repeats, and may "
                    "take years; use another tokenizer or, if it is yours, pass it with "
                    "--tokenizer"
                )


def _list_patterns(step: object) -> Iterator[str]:
    """Yield the regular expressions of a step and the steps in it."""
    waiting: list[object] = [step]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
            if isinstance(pattern := each.get("Regex"), str):
                yield pattern


def _repeats_repetition(pattern: str) -> bool:
    """Return whether a group is repeated that holds a repetition or alternatives."""
    plain = _CLASS_OR_ESCAPE.sub("x", pattern)
    starts: list[int] = []
    for place, character in enumerate(plain):
        if character == "(":
            starts.append(place)
        elif character == ")" and starts:
            inside = plain[starts.pop() : place].replace("(?", "(")
            if _UNBOUNDED.match(plain, place + 1) and re.search(r"[*+?|{]", inside):
                return True
    return False


def _read_json(path: Path, max_bytes: int) -> object:
    if not path.exists():
        return None
    try:
        with open_file(resolve_path(path), max_bytes) as file:
            return json.loads(file.read())
    except (OSError, ValueError, RecursionError, RefusedFile) as error:
        raise BadTokenizer(f"cannot load tokenizer {path.parent}: {path.name}: {error}") from error
