"""A pager comes up only where a text is longer than the terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

PAGE = "from afcost.rendering.pager import page_text; page_text(f'line {n}\\n' for n in range(%d))"


@pytest.mark.parametrize(("lines", "is_paged"), [(3, False), (200, True)])
def test_what_fits_the_terminal_is_written_without_a_pager(lines, is_paged):
    inner, outer = pty.openpty()
    pager = f'{sys.executable} -c "import sys; print(sys.stdin.read().count(chr(10)), 3 * chr(42))"'
    program = subprocess.Popen(
        [sys.executable, "-c", PAGE % lines],
        stdin=outer,
        stdout=outer,
        env=os.environ | {"PAGER": pager, "LINES": "24", "COLUMNS": "80", "TERM": "xterm"},
    )
    os.close(outer)
    said = b""
    while part := read(inner):
        said += part
    os.close(inner)
    assert program.wait() == 0
    assert (b"***" in said) == is_paged
    assert (b"line 2" in said) != is_paged


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # all that had it open have ended
        return b""
