"""Exports of a run: the long table as csv, jsonl or parquet, and Inspect's log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from runner.errors import BadRun
from runner.ledger import Attempt
from runner.results.reading.answer_filter import AnswerFilter
from runner.results.reading.long_table import LongTable, Row
from runner.results.reading.transcripts import TranscriptReader, open_transcripts
from runner.results.row_files import write_csv, write_json_lines
from runner.run_folder import RunFolder

_TABLES = (".csv", ".jsonl", ".parquet")
_LOGS = (".eval", ".json")
EXPORT_ENDINGS = (*_TABLES, *_LOGS)


def export_run(
    run_folder: RunFolder, path: Path, chosen: AnswerFilter | None = None, *, raw: bool = False
) -> int:
    """Write the answers of a run, and all verdicts on them, to a file.

    Its ending says in what form.

    Args:
        run_folder: of the run.
        path: of the file: `.csv`, `.jsonl` or `.parquet` for the long table, `.eval` or `.json` for
            Inspect's log.
        chosen: which answers; all by default.
        raw: leave cells of a csv as they are that a spreadsheet would take for formulas.

    Returns:
        how many answers were written.

    Raises:
        BadRun: another ending, a package is not installed, or the file cannot be written.
    """
    if path.suffix not in EXPORT_ENDINGS:
        raise BadRun(f"-o {path} must end in {', '.join(_TABLES)} (a table) or {_LOG_ENDINGS}")
    if path.is_dir():
        raise BadRun(f"cannot write -o {path}: it is a folder")
    write = _find_writer(path, raw=raw)
    with open_transcripts(run_folder) as transcripts:
        attempts = transcripts.select(chosen or AnswerFilter())
        try:
            write(run_folder, transcripts, attempts, path)
        except OSError as error:
            raise BadRun(f"cannot write -o {path}: {error.strerror or error}") from error
    return len(attempts)


_LOG_ENDINGS = f"{' or '.join(_LOGS)} (Inspect's log)"
_Write = Callable[[RunFolder, TranscriptReader, list[Attempt], Path], None]


def _find_writer(path: Path, *, raw: bool) -> _Write:
    """Return what writes a file of an ending; check first that its package is there."""
    if path.suffix in _LOGS:
        _require("inspect_ai", "inspect", path)
        return _write_log
    if path.suffix == ".parquet":
        _require("pyarrow", "parquet", path)
        return _write_parquet
    return partial(_write_rows, raw=raw)


def _require(package: str, extra: str, path: Path) -> None:
    try:
        __import__(package)
    except ImportError as error:
        raise BadRun(
            f"-o {path}: {package} is not installed; pip install 'afcost[{extra}]', or write "
            "a .csv or .jsonl"
        ) from error


def _write_rows(
    run_folder: RunFolder,
    transcripts: TranscriptReader,
    attempts: list[Attempt],
    path: Path,
    *,
    raw: bool,
) -> None:
    table = LongTable(run_folder)
    rows = _list_rows(table, transcripts, attempts)
    if path.suffix == ".csv":
        write_csv(path, list(table.columns), rows, raw=raw)
    else:
        write_json_lines(path, rows)


def _write_parquet(
    run_folder: RunFolder,
    transcripts: TranscriptReader,
    attempts: list[Attempt],
    path: Path,
) -> None:
    from runner.results.reading.parquet import write_parquet  # noqa: PLC0415 - an extra

    table = LongTable(run_folder)
    with _replace_when_done(path) as new:
        write_parquet(new, table.columns, _list_rows(table, transcripts, attempts))


def _write_log(
    run_folder: RunFolder,
    transcripts: TranscriptReader,
    attempts: list[Attempt],
    path: Path,
) -> None:
    from runner.results.reading.inspect_log import write_inspect_log  # noqa: PLC0415 - an extra

    with _replace_when_done(path) as new:
        write_inspect_log(new, run_folder, transcripts, attempts)


def _list_rows(
    table: LongTable, transcripts: TranscriptReader, attempts: list[Attempt]
) -> Iterator[Row]:
    for each in transcripts.read(attempts, with_prompts=False):
        yield from table.rows_of(each)


@contextmanager
def _replace_when_done(path: Path) -> Iterator[Path]:
    """Let a library write a file; it takes its place when all of it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export.", dir=path.parent) as folder:
        new = Path(folder) / path.name
        yield new
        new.chmod(0o600)  # answers are for their owner alone, whatever a library makes of the umask
        new.replace(path)
