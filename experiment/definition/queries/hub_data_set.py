"""The files of a data set on the Hugging Face hub, at one commit: cached, or downloaded.

A commit never changes, so what is cached is not asked for again. Nothing in a data set is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.definition.queries.data_files import (
    CARD,
    MAX_CARD,
    choose_data_files,
    is_complete,
)
from experiment.definition.queries.query_fields import QueryFile
from experiment.errors import BadQueries
from experiment.file_access import MAX_QUERY_BYTES, Trust, read_user_file, resolve_path

_MARK = "hf:"  # begins the name of a file on the hub, in a plan


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a data set: its name in a plan, and where it is on this machine."""

    name: str
    path: Path


def is_hub_file(name: str) -> bool:
    """Return whether a plan's file is one on the hub."""
    return name.startswith(_MARK)


def describe_data_set(fields: QueryFile) -> str:
    """Return a data set's name and commit for a person."""
    parts = [part for part in (fields.config, fields.split, fields.file) if part]
    within = f" ({', '.join(parts)})" if parts else ""
    return f"data set {fields.dataset}{within} at {fields.revision}"


def locate_data_files(fields: QueryFile, trust: Trust) -> tuple[HubFile, ...]:
    """Return the files of a split, downloading them where that is allowed and they are not here.

    Args:
        fields: of the queries: `dataset`, `revision`, and `file`, or `config` and `split`.
        trust: whether they may be downloaded: the user allows it, or an approved plan pins them.

    Raises:
        BadQueries: they are not here and may not be downloaded, cannot be, or there is no such
            split.
    """
    prefix = f"{_MARK}datasets/{fields.dataset}@{fields.revision}/"
    found = _find_cached(fields)
    if not found:
        if not trust.downloads and not any(each.startswith(prefix) for each in trust.files):
            raise BadQueries(_describe_download(fields))
        found = _download(fields)
    return tuple(HubFile(prefix + name, path) for name, path in found.items())


def _choose(files: Iterable[str], card: str, fields: QueryFile) -> tuple[str, ...]:
    names = list(files)
    if fields.file is not None:
        if fields.file not in names:
            raise BadQueries(f"{describe_data_set(fields)}: it has no file {fields.file!r}")
        return (fields.file,)
    try:
        return choose_data_files(names, card, config=fields.config, split=fields.split)
    except BadQueries as error:
        raise BadQueries(f"{describe_data_set(fields)}: {error}") from error


def _find_cached(fields: QueryFile) -> dict[str, Path]:
    """Return the files of a split that are all in the local cache; empty if one may be missing."""
    store = _cache_folder() / f"datasets--{str(fields.dataset).replace('/', '--')}"
    snapshot = store / "snapshots" / str(fields.revision)
    here = {
        path.relative_to(snapshot).as_posix(): path
        for path in snapshot.rglob("*")
        if path.is_file() and resolve_path(path).is_relative_to(resolve_path(store))
    }
    try:
        names = _choose(here, _read_card(here.get(CARD)), fields)
    except BadQueries:
        return {}
    return {name: resolve_path(here[name]) for name in names} if is_complete(names) else {}


def _read_card(path: Path | None) -> str:
    return read_user_file(path, MAX_CARD).decode(errors="replace") if path else ""


def _download(fields: QueryFile) -> dict[str, Path]:
    hub = _import_hub(fields)
    where: dict[str, Any] = {"repo_type": "dataset", "revision": fields.revision}
    api = hub.HfApi(endpoint=_endpoint())
    try:
        names = api.list_repo_files(fields.dataset, **where)
        card = _fetch(hub, fields, CARD) if CARD in names else None
        chosen = _choose(names, _read_card(card), fields)
        _refuse_large(fields, api.get_paths_info(fields.dataset, list(chosen), **where))
        return {name: resolve_path(_fetch(hub, fields, name)) for name in chosen}
    except BadQueries:
        raise
    except Exception as error:
        raise BadQueries(
            f"{describe_data_set(fields)} cannot be downloaded from {_endpoint()}: "
            f"{_shorten(error)}. A private or gated data set needs your token, from "
            "`hf auth login` or in HF_TOKEN"
        ) from error


def _refuse_large(fields: QueryFile, infos: Iterable[Any]) -> None:
    """Refuse files that are larger than what is read, before they are downloaded."""
    for info in infos:
        size = getattr(info, "size", None) or 0
        if size > MAX_QUERY_BYTES:
            raise BadQueries(
                f"{describe_data_set(fields)}: {info.path} has {size:,} bytes; at most "
                f"{MAX_QUERY_BYTES:,} are read"
            )


def _fetch(hub: Any, fields: QueryFile, name: str) -> Path:  # noqa: ANN401 - a module
    return Path(
        hub.hf_hub_download(
            fields.dataset,
            name,
            repo_type="dataset",
            revision=fields.revision,
            cache_dir=_cache_folder(),
            endpoint=_endpoint(),
        )
    )


def _import_hub(fields: QueryFile) -> Any:  # noqa: ANN401 - a module
    for name, value in (("HF_HUB_VERBOSITY", "error"), ("HF_HUB_DISABLE_PROGRESS_BARS", "1")):
        os.environ.setdefault(name, value)
    try:
        import huggingface_hub  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BadQueries(
            f"{describe_data_set(fields)} requires huggingface_hub; run `pip install 'afcost[hub]'`"
        ) from error
    return huggingface_hub


def _describe_download(fields: QueryFile) -> str:
    return (
        f"{describe_data_set(fields)} is not on this machine. It would be downloaded from "
        f"{_endpoint()}/datasets/{fields.dataset}, with your Hugging Face token if you have one; "
        "to allow what the file asks for, add --allow-download"
    )


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _cache_folder() -> Path:
    """Return the hub's cache, where its own library has it."""
    if own := os.environ.get("HF_HUB_CACHE"):
        return Path(own)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("HF_HOME", cache / "huggingface")) / "hub"


def _shorten(error: Exception) -> str:
    lines = str(error).split("\n")
    return (lines[0] or type(error).__name__)[:300]
