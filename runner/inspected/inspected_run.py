"""Running an evaluation of Inspect behind the gateway, and going on with it.

logs/           the logs of Inspect
inspect.json    what the folder is of: the evaluation's arguments, and what samples took, by size
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.safe_text import dump_json
from pricing.money import Money
from providers.secrets import redact_message
from runner.errors import BadRun
from runner.gateway import (
    GuardedRun,
    GuardFolder,
    GuardOptions,
    choose_guard_folder,
    run_guarded,
)
from runner.inspected.arguments import InspectOptions
from runner.inspected.checks import check_inspect, check_prices
from runner.inspected.evaluation_end import EvaluationEnd, read_evaluation_end
from runner.inspected.started_child import name_child, tell_child
from runner.run_folder import create_run_dir

_SCHEMA, _FILE, _ENDED, _LOGS = "afcost.inspect/1", "inspect.json", "ended.json", "logs"


@dataclass(frozen=True, slots=True)
class InspectedRun:
    """What came of an evaluation under a cap.

    Attributes:
        guarded: the money, and how Inspect ended.
        folder: of the run.
        end: what its logs say.
    """

    guarded: GuardedRun
    folder: GuardFolder
    end: EvaluationEnd


def run_inspect(
    path: Path, asked: InspectOptions, guard: GuardOptions, environment: Mapping[str, str]
) -> InspectedRun:
    """Run an evaluation; where it was begun before, what is missing of it.

    Args:
        path: of the run's folder.
        asked: what Inspect is started with.
        guard: the cap, and how calls are sent.
        environment: of this process.

    Raises:
        RunnerError: it cannot be started.
        PricingError: a model has no price.
    """
    asked.check()
    check_inspect(asked.python)
    check_prices(asked, guard.book, guard.providers, environment)
    study = guard.plan.plan.study if guard.plan else path.name
    folder = choose_guard_folder(path, study, asked.command)
    known = _check_folder(path, asked)
    create_run_dir(path)
    ended = path / _ENDED
    ended.unlink(missing_ok=True)
    _save(path, asked, known)
    inner = dict(environment) | tell_child(asked, path / _LOGS, ended)
    started = replace(guard, known_samples=known, starts=name_child(asked))
    guarded = run_guarded(folder, started, inner)
    _save(path, asked, guarded.known_samples)
    return InspectedRun(guarded, folder, read_evaluation_end(ended))


def _check_folder(path: Path, asked: InspectOptions) -> Mapping[int, Money]:
    """Return what samples of earlier starts took, by their size.

    Raises:
        BadRun: the folder is of another evaluation, or its file is damaged.
    """
    try:
        document = read_json_file(path / _FILE)
        arguments, known = _read_document(document)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadRun(f"cannot read {path / _FILE}: {error}; choose another --run-dir") from error
    if arguments != _write_arguments(asked):
        raise BadRun(
            f"{path} is of another evaluation, or of other options; choose another --run-dir, or "
            f"give what it was started with: {shlex.join(arguments)}"
        )
    return known


def _read_document(document: Any) -> tuple[list[str], dict[int, Money]]:  # noqa: ANN401 - any JSON
    """Return the arguments, and what samples took.

    Raises:
        ValueError: it is not as `_save` writes it.
    """
    match document:
        case {"schema": schema, "arguments": list(arguments), "samples_usd": dict(known)}:
            if schema == _SCHEMA:
                sizes = {int(size): _read_amount(each) for size, each in known.items()}
                return [*map(str, arguments)], sizes
    raise ValueError(f"expected {_SCHEMA}, with arguments and samples_usd")


def _read_amount(written: object) -> Money:
    if not isinstance(written, str) or written.startswith("-"):
        raise ValueError(f"{str(written)[:40]!r} is not an amount in US dollars")
    return Money.from_usd(written)


def _save(path: Path, asked: InspectOptions, known: Mapping[int, Money]) -> None:
    document = {
        "schema": _SCHEMA,
        "arguments": _write_arguments(asked),
        "samples_usd": {str(size): each.to_decimal_string() for size, each in known.items()},
    }
    write_atomically(path / _FILE, dump_json(document, indent=1) + "\n")


def _write_arguments(asked: InspectOptions) -> list[str]:
    return [redact_message(word) for word in asked.arguments]
