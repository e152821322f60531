"""What a forked command needs: all of afcost is imported, and its own tables are read.

It is imported once, in the process that forks; what it writes in a home of its own is forgotten.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import tempfile
from datetime import UTC, datetime

from estimator import count_cache
from tests.runner.sample_experiment import NOW
from tests.support.own_tables import read_own_tables
from tests.support.process import ROOT


def warm_up() -> None:
    """Import all commands, and make one estimate, whose output goes nowhere."""
    for path in sorted((ROOT / "afcost").rglob("*.py")):
        if path.stem not in ("__main__", "__init__"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    run_cli = importlib.import_module("afcost.cli").run_cli
    with (
        tempfile.TemporaryDirectory() as home,
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - a device
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        os.environ["AFCOST_HOME"] = home
        run_cli(["estimate", "--model", "llama-3.1-8b", "--limit", "1", "--count", "local"])
        cached = count_cache.default_cache()._connection
    if cached is not None:
        cached.close()
    count_cache.default_cache.cache_clear()
    for day in (NOW.date(), datetime.now(UTC).date()):  # of the runner's tests, and of commands
        read_own_tables(day)
    gc.freeze()


warm_up()
