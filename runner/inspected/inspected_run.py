"""Running an evaluation of Inspect behind the gateway, and going on with it.

logs/           the logs of Inspect
inspect.json    what the folder is of: the evaluation's arguments, and what its largest sample took
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

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
_CHILD = Path(__file__).with_name("inspect_child.py")
_HAS_INSPECT = (
    "import importlib.util, sys; sys.exit(importlib.util.find_spec('inspect_ai') is None)"
)


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
    command = name_child(asked)
    folder = choose_guard_folder(path, path.name, command)
    largest = _check_folder(path, asked)
    create_run_dir(path)
    ended = path / _ENDED
    ended.unlink(missing_ok=True)
    _save(path, asked, largest)
    inner = dict(environment) | tell_child(asked, path / _LOGS, ended)
    guarded = run_guarded(folder, replace(guard, largest_sample=largest), inner)
    _save(path, asked, guarded.largest_sample)
    return InspectedRun(guarded, folder, read_evaluation_end(ended))


def _check_folder(path: Path, asked: InspectOptions) -> Money | None:
    """Return what the largest sample of an earlier start took.

    Raises:
        BadRun: the folder is of another evaluation.
    """
    try:
        known = read_json_file(path / _FILE)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadRun(f"cannot read {path / _FILE}: {error}") from error
    if known.get("schema") != _SCHEMA or known.get("arguments") != _write_arguments(asked):
        raise BadRun(
            f"{path} is of another evaluation, or of other options; choose another --run-dir, or "
            f"give what it was started with: {' '.join(known.get('arguments', ()))}"
        )
    largest = known.get("largest_sample_usd")
    return Money.from_usd(str(largest)) if largest else None


def _save(path: Path, asked: InspectOptions, largest: Money | None) -> None:
    document = {
        "schema": _SCHEMA,
        "arguments": _write_arguments(asked),
        "largest_sample_usd": largest.to_decimal_string() if largest else None,
    }
    write_atomically(path / _FILE, dump_json(document, indent=1) + "\n")


def _write_arguments(asked: InspectOptions) -> list[str]:
    return [redact_message(word) for word in asked.arguments]
