"""Rehearsing an evaluation: Inspect runs it with placeholders for answers, and nothing is sent.

All that the task asks is recorded: its solvers, roles, and judges that its code names. Its logs are
of placeholders, and are dropped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from estimator.recorded import Recording
from runner.inspected.arguments import InspectOptions
from runner.inspected.checks import check_inspect, check_prices
from runner.inspected.started_child import name_child, tell_child
from runner.rehearsal import RehearsalOptions, rehearse

_LOGS, _ENDED = "logs", "ended.json"


def rehearse_inspect(
    asked: InspectOptions, options: RehearsalOptions, environment: Mapping[str, str]
) -> Recording:
    """Run an evaluation with placeholders for answers, and record its calls.

    Args:
        asked: what Inspect is started with.
        options: how it is rehearsed.
        environment: of this process.

    Raises:
        RunnerError: it cannot be started.
        PricingError: a model has no price.
    """
    asked.check()
    check_inspect(asked.python)
    check_prices(asked, options.book, options.providers, environment)
    with tempfile.TemporaryDirectory(prefix="afcost-inspect-") as folder:
        logs, ended = Path(folder) / _LOGS, Path(folder) / _ENDED
        inner = dict(environment) | tell_child(asked, logs, ended, rehearses=True)
        recording = rehearse(name_child(asked), options, inner)
    return replace(recording, command=asked.command)
