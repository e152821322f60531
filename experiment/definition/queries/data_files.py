"""Choose the files of a data set's split, by what its card says or by their names.

The rules are the hub's own: https://huggingface.co/docs/hub/datasets-manual-configuration and
https://huggingface.co/docs/hub/datasets-file-names-and-splits. No loading script is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import yaml

from experiment.errors import BadQueries

CARD = "README.md"
DATA_SUFFIXES = (".parquet", ".csv", ".jsonl", ".json", ".txt")
MAX_CARD = 1 << 20  # bytes
_MAX_FILES, _MAX_SHOWN = 100, 20
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")
_SPLIT_WORDS = {
    "train": {"train", "training"},
    "validation": {"validation", "valid", "val", "dev"},
    "test": {"test", "testing", "eval", "evaluation"},
}


def choose_data_files(
    files: Iterable[str], card: str, *, config: str | None, split: str | None
) -> tuple[str, ...]:
    """Return the files of a split, in the order of their names.

    Args:
        files: the paths of all files in the data set.
        card: the text of its card; empty where it has none.
        config: one of its configurations; None for the only one, or `default`.
        split: one of its splits; None for the only one.

    Raises:
        BadQueries: there is no such split, or several may be meant; the text lists what there is.
    """
    data = sorted(each for each in files if each.endswith(DATA_SUFFIXES) and each != CARD)
    splits = _read_card(card, config, data) or _split_by_name(data, config)
    found: tuple[str, ...] = _pick(splits, split, "split", data)
    if len(found) > _MAX_FILES:
        raise BadQueries(
            f"this split has {len(found):,} files; at most {_MAX_FILES} are read. Name one of "
            f"them with `file:`: {_show(found)}"
        )
    return found


def is_complete(files: Iterable[str]) -> bool:
    """Return whether every part is there of a file in parts, such as `test-00000-of-00002`."""
    parts: dict[str, set[int]] = {}
    totals: dict[str, int] = {}
    for name in files:
        if shard := _SHARD.search(name):
            whole = f"{name[: shard.start()]}/{shard[2]}{name[shard.end() :]}"
            parts.setdefault(whole, set()).add(int(shard[1]))
            totals[whole] = int(shard[2])
    return all(len(numbers) == totals[whole] for whole, numbers in parts.items())


def _read_card(card: str, config: str | None, data: list[str]) -> dict[str, tuple[str, ...]]:
    """Return split -> files of a configuration, as the card lists them; empty if it lists none."""
    configs = {
        str(each.get("config_name", "default")): each
        for each in _read_configs(card)
        if isinstance(each, dict) and "data_files" in each
    }
    if not configs:
        return {}
    default = [name for name, each in configs.items() if each.get("default") is True]
    wanted = config or next(iter([*default, *({"default"} & configs.keys())]), None)
    chosen = _pick(configs, wanted, "config", data)
    return {
        split: found
        for split, patterns in _list_patterns(chosen["data_files"])
        if (found := _match(patterns, str(chosen.get("data_dir", "")), data))
    }


def _read_configs(card: str) -> list[Any]:
    """Return the configurations in the YAML at a card's head."""
    front = _FRONT.match(card.replace("\r\n", "\n"))
    try:
        fields = yaml.safe_load(front[1]) if front else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    configs = fields.get("configs") if isinstance(fields, dict) else None
    return configs if isinstance(configs, list) else []


def _list_patterns(given: Any) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401 - YAML's
    """Yield each split of a card's `data_files` with its patterns."""
    entries = given if isinstance(given, list) else [given]
    if all(isinstance(each, str) for each in entries):
        yield "train", entries
        return
    for each in entries:
        if isinstance(each, dict) and "path" in each:
            paths = each["path"]
            yield str(each.get("split", "train")), paths if isinstance(paths, list) else [paths]
        elif isinstance(each, dict):
            for split, paths in each.items():
                yield str(split), paths if isinstance(paths, list) else [paths]


def _match(patterns: Iterable[object], folder: str, data: list[str]) -> tuple[str, ...]:
    wanted = [f"{folder}/{each}".lstrip("/") if folder else str(each) for each in patterns]
    wanted = [each.removeprefix("./").replace("**/", "*") for each in wanted]
    return tuple(name for name in data if any(fnmatchcase(name, each) for each in wanted))


def _split_by_name(data: list[str], config: str | None) -> dict[str, tuple[str, ...]]:
    """Return split -> files, by the words in their paths; all are `train` where none has any."""
    ours = [name for name in data if config is None or config in re.split(r"[/.]", name)]
    if config is not None and not ours:
        raise BadQueries(f"it has no config {config!r}; files: {_show(data)}")
    splits: dict[str, tuple[str, ...]] = {}
    for split, words in _SPLIT_WORDS.items():
        named = [each for each in ours if words & set(re.split(r"[^a-z]+", each.lower()))]
        if named:
            splits[split] = tuple(named)
    if splits or len(ours) <= 1:
        return splits or {"train": tuple(ours)}
    raise BadQueries(f"it names no splits; choose a file with `file:`: {_show(ours)}")


def _pick(found: dict[str, Any], wanted: str | None, kind: str, data: list[str]) -> Any:  # noqa: ANN401
    if not data:
        raise BadQueries(f"it has no file that ends in {', '.join(DATA_SUFFIXES)}")
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    if wanted in found:
        return found[wanted]
    names = _show(found)
    if wanted is None:
        raise BadQueries(f"it has several {kind}s; choose one with `{kind}:`: {names}")
    raise BadQueries(f"it has no {kind} {wanted!r}; {kind}s: {names}. Or name a `file:`")


def _show(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_MAX_SHOWN]) + ", …" * (len(listed) > _MAX_SHOWN) or "none"
