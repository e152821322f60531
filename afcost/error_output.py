"""Error output: what goes to stderr, with keys replaced and unseen characters shown.

Errors, tracebacks, and what libraries log repeat what a server or a file said.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback

import click

from estimator.safe_text import escape_lines
from providers.secrets import redact_addresses

_MAX_CHARS = 20_000


def print_error(text: str) -> None:
    """Print an error; its own lines are kept."""
    click.echo(_filter(text.rstrip("\n")), err=True)


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error that is a mistake of afcost's own."""
    print_error("".join(traceback.format_exception(error)))


def filter_errors() -> None:
    """Have what libraries log, and errors of threads, go through the same filters."""
    if not any(isinstance(each, _FilteredHandler) for each in logging.getLogger().handlers):
        logging.getLogger().addHandler(_FilteredHandler(logging.WARNING))
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _print_thread_error
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _print_ignored_error


class _FilteredHandler(logging.Handler):
    """Prints log records to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        try:
            print_error(self.format(record))
        except Exception:  # noqa: BLE001 - as of any handler: a log never ends a run
            sys.stderr.write("afcost: a library logged something that could not be printed\n")


def _print_thread_error(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        print_traceback(failed.exc_value)


def _print_ignored_error(ignored: sys.UnraisableHookArgs) -> None:
    if ignored.exc_value is not None:
        print_traceback(ignored.exc_value)


def _filter(text: str) -> str:
    if len(text) > _MAX_CHARS:
        text = f"{redact_addresses(text)[:_MAX_CHARS]}\u2026"
    return escape_lines(redact_addresses(text))
