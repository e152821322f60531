"""Errors, tracebacks and logs show no key and no control character."""

from __future__ import annotations

import logging
import threading
import warnings

import click
import pytest

from afcost import cli, error_output
from afcost.error_output import filter_errors, print_error
from providers import secrets

KEY = "sk-lab-Zk9_aW3-qM7xT2vB8nR4yL6c"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setattr(secrets, "_secrets", {KEY})


def test_a_mistake_of_our_own_has_a_traceback_without_keys(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        raise KeyError(f"\x1b[2J{headers}")

    monkeypatch.setattr(cli.cli, "main", fail)
    assert cli.run_cli(["status"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "KeyError" in said
    assert "[key]" in said
    assert KEY not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("error", [click.UsageError, click.ClickException, OSError, ValueError])
def test_an_error_of_any_kind_is_filtered(error, monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise error(f"\x9b2J {KEY} http://ada:tiger@host")

    monkeypatch.setattr(cli.cli, "main", fail)
    assert cli.run_cli(["status"]) in (1, 2)
    said = capsys.readouterr().err
    assert "\\x9b2J [key] http://ada:[key]@host" in said


def test_what_libraries_log_is_filtered(capsys):
    filter_errors()
    filter_errors()  # a second time changes nothing
    logging.getLogger("aiohttp.client").warning("Can not load response cookies: %s", f"\x1b{KEY}")
    assert capsys.readouterr().err == "Can not load response cookies: \\x1b[key]\n"


def test_an_error_of_a_thread_is_filtered(monkeypatch, capsys):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    filter_errors()

    def fail() -> None:
        raise ValueError(KEY)

    with warnings.catch_warnings():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    said = capsys.readouterr().err
    assert "ValueError: [key]" in said
    assert KEY not in said


def test_an_error_of_megabytes_is_cut_after_keys_are_replaced(monkeypatch, capsys):
    monkeypatch.setattr(error_output, "_MAX_CHARS", 100)
    print_error("x" * 90 + KEY + "y" * 1000)
    said = capsys.readouterr().err
    assert "sk-lab" not in said
    assert len(said) < 110
