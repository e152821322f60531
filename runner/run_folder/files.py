"""The names of a run folder's files, and how those of earlier plans are kept beside them."""

from __future__ import annotations

from pathlib import Path

from estimator.plan import Plan, read_plan
from runner.errors import BadRun
from runner.ledger import LEDGER_FILE, LEDGER_URL_FILE

PLAN_FILE, EXPERIMENT_FILE = "plan.json", "experiment.json"
GUARD_FILE = "guard.json"  # in the folder of a guarded program, which has no plan
KEPT_FILES = (PLAN_FILE, EXPERIMENT_FILE)  # from which a run's requests are built again
LEDGER_FILES = (
    LEDGER_FILE,
    f"{LEDGER_FILE}-wal",
    f"{LEDGER_FILE}-shm",
    str(Path(LEDGER_FILE).with_suffix(".lock")),
    LEDGER_URL_FILE,
)


def name_earlier(path: Path, plan: Plan) -> Path:
    """Return the path under which a folder keeps a file of an earlier plan."""
    return path.with_stem(f"{path.stem}-{plan.digest[:12]}")


def list_earlier_plans(folder: Path) -> list[Plan]:
    """Return the plans that a run folder was for before, in no order."""
    pattern = f"{Path(PLAN_FILE).stem}-*.json"
    return [read_plan(path) for path in sorted(folder.glob(pattern))]


def has_ledger(folder: Path) -> bool:
    """Return whether a folder has a ledger, or says where it is."""
    return (folder / LEDGER_FILE).exists() or (folder / LEDGER_URL_FILE).exists()


def make_write_error(folder: Path, error: OSError) -> BadRun:
    """Return the error that says why a run folder cannot be written."""
    return BadRun(
        f"cannot write to {folder}: {error.strerror}; nothing was sent. "
        "Choose another folder with --run-dir"
    )
