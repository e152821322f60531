"""Read the rows of files from elsewhere: csv, jsonl, a JSON document, or an Inspect log."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from experiment.errors import RefusedFile
from experiment.file_access import open_file, resolve_path
from runner.errors import BadImport
from runner.imports.bounded_text import BoundedText, LongLine
from runner.imports.inspect_log import is_inspect_log, list_samples, read_eval_file
from runner.imports.source_row import SourceRow

_MAX_BYTES = 2 << 30  # of a file
_MAX_FIELD = 64 << 20  # characters of a csv cell
_MAX_DOCUMENT = 512 << 20  # bytes of a JSON document, which is read as a whole
_LISTS = ("outputs", "results", "rows", "data", "samples", "responses")  # of a JSON document
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"
_NOTHING = {"", "nan"}  # as a csv cell: what pandas writes for no value


def read_rows(path: Path) -> Iterator[SourceRow]:
    """Yield the rows of a file, by what is in it rather than by its name.

    Raises:
        BadImport: it cannot be read, and how to mend it.
    """
    try:
        with open_file(resolve_path(path), _MAX_BYTES) as file:
            head = file.read(4096)
    except (OSError, RefusedFile) as error:
        raise BadImport(f"cannot read {path}: {getattr(error, 'strerror', '') or error}") from error
    if head.startswith(_ZIP) or path.suffix == ".eval":
        yield from list_samples(path, read_eval_file(path))
        return
    encoding = "utf-16" if head.startswith(_UTF_16) else "utf-8-sig"
    try:
        yield from _read_text(path, encoding)
    except UnicodeDecodeError as error:
        raise BadImport(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start:,}); save it as UTF-8"
        ) from error
    except LongLine as error:
        raise BadImport(f"{path}: {error}; put each answer on a line of its own") from error
    except OSError as error:
        raise BadImport(f"cannot read {path}: {error.strerror}") from error


def _read_text(path: Path, encoding: str) -> Iterator[SourceRow]:
    with BoundedText(
        open_file(resolve_path(path), _MAX_BYTES), encoding=encoding, newline=""
    ) as file:
        first = _find_first_character(file)
        if not first:
            raise BadImport(f"{path} is empty")
        file.seek(0)
        if first in "[{" and path.suffix.lower() not in {".csv", ".tsv"}:
            yield from _read_json(path, file)
        else:
            yield from _read_csv(path, file)


def _find_first_character(file: TextIOWrapper) -> str:
    while part := file.read(4096):
        if stripped := part.lstrip():
            return stripped[0]
    return ""


def _read_json(path: Path, file: TextIOWrapper) -> Iterator[SourceRow]:
    """Yield the rows of JSON lines, or of a document whose first line is not JSON by itself."""
    is_named_lines = path.suffix.lower() in {".jsonl", ".ndjson"}
    try:
        first = next((line for line in file if line.strip()), "")
        whole = json.loads(first)
        is_lines = isinstance(whole, dict) and not _find_list(whole) and not is_inspect_log(whole)
        is_lines = is_lines or (is_named_lines and any(line.strip() for line in file))
    except (ValueError, RecursionError):
        is_lines = is_named_lines
    file.seek(0)
    if is_lines:
        yield from _read_json_lines(path, file)
        return
    if os.fstat(file.fileno()).st_size > _MAX_DOCUMENT:
        raise BadImport(
            f"{path}: a JSON document may have at most {_MAX_DOCUMENT >> 20} MiB; save it as JSON "
            "lines, an answer a line"
        )
    yield from _read_document(path, _parse_json(path, file.read(), ""))


def _read_json_lines(path: Path, file: TextIOWrapper) -> Iterator[SourceRow]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            row = _parse_json(path, line, f", line {number}")
            if not isinstance(row, dict):
                raise BadImport(f"{path}, line {number}: expected an object, one answer a line")
            yield SourceRow(path.name, f"line {number}", row)


def _read_document(path: Path, document: object) -> Iterator[SourceRow]:
    """Yield the items of a document's list; what stands beside it is true of each."""
    if isinstance(document, dict) and is_inspect_log(document):
        yield from list_samples(path, document)
        return
    name, beside = "item", dict[str, Any]()
    items: Any = document
    if isinstance(document, dict):
        name = _find_list(document)
        items = document.get(name)
        beside = {key: value for key, value in document.items() if key != name}
    if not isinstance(items, list):
        raise BadImport(
            f"{path}: expected a list of answers, or an object with one named "
            f"{', '.join(_LISTS)}; save it as JSON lines, an answer a line"
        )
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise BadImport(f"{path}, {name} {number}: expected an object")
        yield SourceRow(path.name, f"{name} {number}", _merge(beside, item))


def _merge(beside: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with what stands beside its list; nested objects of one name are joined."""
    merged = dict(beside) | dict(item)
    for name in beside.keys() & item.keys():
        if isinstance(beside[name], dict) and isinstance(item[name], dict):
            merged[name] = beside[name] | item[name]
    return merged


def _find_list(document: Mapping[str, Any]) -> str:
    """Return the name of the list of answers in a document; empty where there is none."""
    return next((name for name in _LISTS if isinstance(document.get(name), list)), "")


def _parse_json(path: Path, text: str, place: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadImport(f"{path}{place}: not valid JSON: {error}") from error


def _read_csv(path: Path, file: TextIOWrapper) -> Iterator[SourceRow]:
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        header, last = file.readline(), 1
        if header.startswith("sep="):  # as Excel writes
            header, last = file.readline(), 2
        delimiter = max(",;\t", key=header.count)
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        if len(set(names)) < len(names) or not all(names):
            raise BadImport(f"{path}: its columns need names that differ: {', '.join(names)[:300]}")
        before = last
        reader = csv.reader(_refuse_nul(path, file, before + 1), delimiter=delimiter, strict=True)
        for cells in reader:
            line = last + 1  # a row begins where the one before ends
            last = before + reader.line_num
            if not cells:
                continue
            if len(cells) != len(names):
                raise BadImport(
                    f"{path}, line {line}: {len(cells)} cells, and {len(names)} columns; put text "
                    "with a comma or a line break in double quotes"
                )
            values = {
                name: None if cell.lower() in _NOTHING else cell
                for name, cell in zip(names, cells, strict=True)
            }
            yield SourceRow(path.name, f"line {line}", values)
    except csv.Error as error:
        raise BadImport(
            f"{path}: not valid CSV in the row that begins at line {last + 1}: {error}"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _refuse_nul(path: Path, lines: TextIOWrapper, first: int) -> Iterator[str]:
    for number, line in enumerate(lines, start=first):
        if "\0" in line:
            raise BadImport(f"{path}, line {number}: it is not text; save it as CSV in UTF-8")
        yield line
