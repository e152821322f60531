"""Reports of runs as pages, built in a thread and kept until the ledger moves."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afcost.page.report.view import render_report_page
from afcost.page.transcripts.payload import build_transcripts
from runner.ledger import read_ledger
from runner.results import Report, build_report
from runner.run_folder import open_run_folder

_KEPT = 8  # of the newest
_PAGE = Path("report.html")  # its texts stand in it, all or a sample, so nothing is beside it


@dataclass(frozen=True, slots=True)
class _Kept:
    state: tuple[int, str]
    report: Report


@dataclass(slots=True)
class Reports:
    """Reports, one built at a time."""

    _kept: dict[Path, _Kept] = field(default_factory=dict)
    _pages: dict[Path, tuple[tuple[int, str], str]] = field(default_factory=dict)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def build(self, folder: Path) -> Report:
        """Return the report of a run.

        Raises:
            RunnerError: it cannot be read.
        """
        async with self._busy:
            return await asyncio.to_thread(self._build, folder)

    async def render(self, folder: Path) -> str:
        """Return the report of a run as a page.

        Raises:
            RunnerError: it cannot be read.
            MissingExtra: charts cannot be drawn here.
        """
        async with self._busy:
            return await asyncio.to_thread(self._render, folder)

    def _build(self, folder: Path) -> Report:
        run = open_run_folder(folder)
        with read_ledger(run.ledger_location, was_checked=folder in self._kept) as reader:
            state = reader.last_seq(), run.plan.digest
        kept = self._kept.pop(folder, None)
        if kept is None or kept.state != state:
            kept = _Kept(state, build_report(run))
        self._kept[folder] = kept
        _drop_oldest(self._kept)
        return kept.report

    def _render(self, folder: Path) -> str:
        report = self._build(folder)
        state = self._kept[folder].state
        known = self._pages.pop(folder, None)
        if known is None or known[0] != state:
            known = state, render_report_page(report, build_transcripts(report, _PAGE))
        self._pages[folder] = known
        _drop_oldest(self._pages)
        return known[1]


def _drop_oldest(kept: MutableMapping[Path, Any]) -> None:
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]
