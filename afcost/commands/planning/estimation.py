"""An estimation: an experiment is estimated, and again where the first estimate finds more to say.

An estimate says which answers a study can have already, and how long each way to ask a model takes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from afcost.commands.planning.earlier_answers import find_answers
from afcost.options import today
from afcost.rendering.progress import ProgressBar
from estimator.plan import Estimate, EstimateOptions, estimate_experiment, open_request_export
from estimator.trusted_folders import user_trust
from estimator.wall_time import AccountLimits
from experiment.definition import Overrides, QueryColumns, load_experiment

if TYPE_CHECKING:
    from estimator.forecast import History, MeasuredCalls
    from estimator.workload import ProgressCallback, StratumKey


class Estimation:
    """Estimates an experiment.

    Args:
        source: path of an experiment file, or `builtin:NAME`.
        overrides: what the command line changes in it.
        options: how it is estimated.
        billed: usage to base the forecast on; None for none.

    Attributes:
        overrides: those that were given, and the ways to ask that were chosen.
        known: stratum -> the study's own answers.
    """

    def __init__(
        self,
        source: str,
        overrides: Overrides,
        options: EstimateOptions,
        billed: History | None = None,
    ) -> None:
        self.overrides = overrides
        self.known: dict[StratumKey, MeasuredCalls] = {}
        self._source, self._options, self._billed = source, options, billed
        self._first: Estimate | None = None

    def find_answers(self, run_dir: Path | None) -> None:
        """Rest the estimate on the answers of earlier runs."""
        with ProgressBar() as on_progress:
            self._first = self._make(on_progress=on_progress)
        self.known = find_answers(self._first, run_dir)

    def choose_ways(
        self, by: datetime, run_dir: Path | None, concurrency: int, limits: AccountLimits
    ) -> None:
        """Ask models in the cheapest ways that are done by a time.

        Raises:
            Refused: nothing is done by then.
        """
        from afcost.commands.planning.by_time import find_ways_by  # noqa: PLC0415 - few ask

        ways = find_ways_by(self._first or self._make(), by, run_dir, concurrency, limits)
        self.overrides, self._first = replace(self.overrides, ways=ways), None

    def finish(self, requests: Path | None, *, raw: bool, texts: bool) -> Estimate:
        """Return the estimate with all that was found.

        Args:
            requests: a file that every request is written to; None for none.
            raw: whether its cells that look like formulas are left as they are.
            texts: whether messages and sampling are written too.
        """
        if self._first is not None and not (self.known or requests):
            return self._first
        export = requests and self._export_to(requests, raw=raw, texts=texts)
        with ExitStack() as stack:
            return self._make(
                own=self.known,
                on_request=stack.enter_context(export) if export else None,
                on_progress=stack.enter_context(ProgressBar()),
            )

    def _make(
        self,
        *,
        own: dict[StratumKey, MeasuredCalls] | None = None,
        on_request: Callable[..., None] | None = None,
        on_progress: ProgressCallback = lambda *_: None,
    ) -> Estimate:
        return estimate_experiment(
            self._source,
            today(),
            self.overrides,
            self._options,
            history=self._billed,
            own=own,
            on_request=on_request,
            on_progress=on_progress,
        )

    def _export_to(
        self, path: Path, *, raw: bool, texts: bool
    ) -> AbstractContextManager[Callable[..., None]]:
        options = self._options
        trust = user_trust(downloads=options.allow_download, overrides=options.trust_overrides)
        columns = load_experiment(self._source, self.overrides, trust).query_columns
        return open_request_export(path, raw=raw, texts=texts, of_query=QueryColumns(columns))
