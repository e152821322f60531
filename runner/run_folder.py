"""The run folder: the plan, the experiment as planned, and the ledger with every answer.

Nothing else is needed to read a run later: the texts of all files that the prompts were made from
are kept too. Nothing is sent from here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estimator.atomic_write import (
    make_private_folder,
    write_atomically,
    write_bytes_atomically,
)
from estimator.errors import BadPlan
from estimator.json_files import read_json_file
from estimator.plan import Plan, planned_trust, read_plan, save_plan
from estimator.safe_text import dump_json
from estimator.workload import PlannedModel, make_request_builder
from experiment.definition import (
    SUBJECT,
    Experiment,
    ExperimentSpec,
    is_hub_file,
    list_uses,
    read_stored_spec,
)
from experiment.errors import RefusedFile
from experiment.file_access import (
    MAX_QUERY_BYTES,
    MAX_TEXT_BYTES,
    open_file,
    read_file,
    resolve_path,
)
from experiment.prompts import RequestBuilder, Templates
from providers.capabilities import build_sent_fields
from runner.errors import BadRun
from runner.ledger import (
    LEDGER_FILE,
    LEDGER_URL_FILE,
    Location,
    Work,
    locate_ledger,
    remember_location,
)
from runner.versions import list_versions

_PLAN, _EXPERIMENT = "plan.json", "experiment.json"
_LEDGER_FILES = (
    LEDGER_FILE,
    f"{LEDGER_FILE}-wal",
    f"{LEDGER_FILE}-shm",
    str(Path(LEDGER_FILE).with_suffix(".lock")),
    LEDGER_URL_FILE,
)
_OTHERS, _OTHERS_WRITE = stat.S_IRWXG | stat.S_IRWXO, stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder.

    Attributes:
        path: where it is.
        plan: what was planned.
        spec: the experiment's fields as planned.
        queries: the text of each query, in the file's order.
        files: the texts of the files that the plan was made from, by path relative to the
            experiment; empty in run folders of before they were kept.
        query_columns: as in `Experiment`.
        versions: of what rendered and counted its prompts; empty in run folders of before.
        location: of its ledger, where more is known of it than the folder keeps: a password.
    """

    path: Path
    plan: Plan
    spec: ExperimentSpec
    queries: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    location: Location | None = None
    query_columns: tuple[dict[str, Any], ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def ledger_location(self) -> Location:
        """The location of the ledger."""
        return self.location or locate_plan_ledger(self.path, self.plan)

    def all_models(self) -> dict[str, PlannedModel]:
        """Return each model as written, also those of judges that an earlier plan had."""
        models: dict[str, PlannedModel] = {}
        for plan in (*list_earlier_plans(self.path), self.plan):
            models |= plan.models
        return models

    def request_builder(self) -> RequestBuilder:
        """Return what builds the run's requests again, from what the folder keeps alone.

        Raises:
            BadRun: an earlier version made the folder, and kept no files.
        """
        if not self.files:
            raise BadRun(
                f"{self.path} was made by an earlier version, which kept no files of its prompts; "
                "run the plan once more to keep them"
            )
        path = self.path / _EXPERIMENT
        experiment = Experiment(
            self.spec, path, str(path), self.queries, query_columns=self.query_columns
        )
        templates = Templates(self.path, self.files)
        return make_request_builder(experiment, self.plan.models, templates)


def default_run_dir(plan: Plan) -> Path:
    """Return the folder that a plan runs in by default."""
    return Path("runs") / (plan.study or f"{plan.name}-{plan.digest[:12]}")


def locate_plan_ledger(folder: Path, plan: Plan, url: str | None = None) -> Location:
    """Return the location of a plan's ledger; a plan of before there were studies is its own.

    Args:
        folder: of the run; it need not exist yet.
        plan: what is run.
        url: where the user says that the ledger is.

    Raises:
        LedgerError: the URL is not one of a PostgreSQL database, or another than before.
    """
    return locate_ledger(folder, plan.study or plan.digest[:16], url)


def open_run_folder(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        BadRun: it is not one.
    """
    path = folder / _EXPERIMENT
    if not path.exists() or not _has_ledger(folder):
        raise BadRun(f"{folder} is not a run folder; `afcost run PLAN` creates one under runs/")
    plan = read_plan(folder / _PLAN)
    try:
        data = read_json_file(path, 2 * MAX_QUERY_BYTES)
        path = _name_earlier(folder / _EXPERIMENT, plan)
        if data.get("plan", plan.digest) != plan.digest and path.exists():
            data = read_json_file(path, 2 * MAX_QUERY_BYTES)  # a crash came before the newer plan
        spec, queries = read_stored_spec(data["spec"]), tuple(data["queries"])
        files = dict(data.get("files", {}))
        columns = tuple(data.get("query_columns", ()))
        versions = dict(data.get("versions", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRun(f"cannot read {path}: {error}") from error
    return RunFolder(folder, plan, spec, queries, files, query_columns=columns, versions=versions)


def read_kept_work(folder: Path) -> Work | None:
    """Return the work of the plan in a run folder; None where there is none that can be read."""
    with suppress(BadPlan):
        return describe_work(read_plan(folder / _PLAN))
    return None


def describe_work(plan: Plan) -> Work:
    """Return a plan's work as a ledger records it."""
    return Work(plan.work_digest, plan.subjects_digest)


def choose_order_seed(plan: Plan, first_work: str) -> str:
    """Return the seed of the order of work in a ledger: of the plan that began it.

    Args:
        plan: that is run.
        first_work: the work that the ledger recorded first; empty where there is none.
    """
    return first_work if plan.study and first_work else plan.order_seed


def list_earlier_plans(folder: Path) -> list[Plan]:
    """Return the plans of other judges that a run folder was for before, in no order."""
    pattern = f"{Path(_PLAN).stem}-*.json"
    return [read_plan(path) for path in sorted(folder.glob(pattern))]


def refuse_other_plan(folder: Path, plan: Plan) -> None:
    """Refuse a run folder in which another plan's work is done.

    One of the same subjects with other judges goes on there.

    Raises:
        BadRun: it is one.
    """
    if not (folder / _PLAN).exists() or not _has_ledger(folder):
        return
    run = open_run_folder(folder)
    same_subjects = run.plan.subjects_digest == plan.subjects_digest
    changes = [] if same_subjects else run.plan.list_work_changes(plan)
    if changes or (changes := _list_sent_changes(run, plan)):
        raise BadRun(
            f"{folder} holds the answers of another plan, which differs in {', '.join(changes)}; "
            "plan this one as a study of its own (afcost estimate --study NAME), or choose another "
            "--run-dir"
        )


def _list_sent_changes(run: RunFolder, plan: Plan) -> list[str]:
    """Return of which models a plan of the same requests sends other fields than a run's plan.

    What a plan of before there were capability records sent is not known, and is not compared; nor
    is what is sent to judges where they may be others.
    """
    same_judges = run.plan.work_digest == plan.work_digest
    return sorted(
        {
            f"what is sent to {use.model}"
            for use in list_uses(run.spec)
            if same_judges or use.stage == SUBJECT
            if (ours := run.plan.models[use.model].takes) is not None
            if (theirs := plan.models[use.model].takes) is not None
            if ours != theirs
            and build_sent_fields(ours, use.sampling).fields
            != build_sent_fields(theirs, use.sampling).fields
        }
    )


def create_run_dir(folder: Path) -> None:
    """Create a folder for a run, private to the user; make one that is there private.

    Raises:
        BadRun: it cannot be created, or belongs to another user and others can write to it.
    """
    try:
        make_private_folder(folder)
        found = folder.stat()
        if found.st_uid == _user_id(found):
            folder.chmod(found.st_mode & ~_OTHERS)
            _make_files_private(folder)
        elif found.st_mode & _OTHERS_WRITE:
            raise _unsafe(folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def check_run_dir(folder: Path) -> None:
    """Check that `create_run_dir` could create a folder; make and change nothing.

    Raises:
        BadRun: it cannot be created or written, or belongs to another user and others can write.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        code = errno.EEXIST if existing == folder else errno.ENOTDIR
        raise _cannot_write(folder, OSError(code, os.strerror(code)))
    if existing != folder:
        if not os.access(existing, os.W_OK | os.X_OK):
            raise _cannot_write(folder, OSError(errno.EACCES, os.strerror(errno.EACCES)))
        return
    found = folder.stat()
    if found.st_uid == _user_id(found):
        _refuse_foreign_links(folder)
    elif found.st_mode & _OTHERS_WRITE:
        raise _unsafe(folder)


def _refuse_foreign_links(folder: Path) -> None:
    for name in (_PLAN, _EXPERIMENT, *_LEDGER_FILES):
        path = folder / name
        if path.is_symlink() and path.lstat().st_uid != _user_id(path.lstat()):
            raise BadRun(
                f"{path} is a link that another user made; nothing was sent. Remove it, or choose "
                "another folder with --run-dir"
            )


def _unsafe(folder: Path) -> BadRun:
    return BadRun(
        f"{folder} belongs to another user, and others can write to it, so the ledger would not be "
        "safe there; nothing was sent. Choose another folder with --run-dir"
    )


def _make_files_private(folder: Path) -> None:
    """Make a run's files private that an earlier version, or a copy, left open to others.

    Raises:
        BadRun: one of them is a link that another user made.
    """
    _refuse_foreign_links(folder)
    for name in (_PLAN, _EXPERIMENT, *_LEDGER_FILES):
        path = folder / name
        if path.exists() and not path.is_symlink():
            path.chmod(path.stat().st_mode & ~_OTHERS)


def _user_id(found: os.stat_result) -> int:
    """Return the user's id; where users have none, such as on Windows, the owner's."""
    return os.geteuid() if hasattr(os, "geteuid") else found.st_uid


def create_or_reopen(
    folder: Path, plan: Plan, experiment: Experiment, location: Location
) -> RunFolder:
    """Write a plan and its experiment into its run folder, or check that it belongs to this plan.

    Its ledger is open meanwhile, so that no other plan's are written at the same time.

    Raises:
        BadRun: it is another plan's, a planned file has changed, or it cannot be written.
    """
    refuse_other_plan(folder, plan)
    files = read_planned_files(plan, experiment)
    kept: dict[str, Any] = {
        "plan": plan.digest,
        "spec": experiment.spec.to_stored(),
        "queries": experiment.queries,
        "files": files,
        "versions": list_versions(),
    }
    if experiment.query_columns:
        kept["query_columns"] = experiment.query_columns
    try:
        _keep_earlier(folder, plan)
        write_atomically(folder / _EXPERIMENT, dump_json(kept))
        save_plan(plan, folder / _PLAN)  # last: with it the folder is whole, whenever a crash comes
        remember_location(location, folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return RunFolder(
        folder,
        plan,
        experiment.spec,
        experiment.queries,
        files,
        location,
        query_columns=experiment.query_columns,
        versions=kept["versions"],
    )


def _keep_earlier(folder: Path, plan: Plan) -> None:
    """Keep the plan and the experiment of other judges that a folder was for, before it changes."""
    if not (folder / _PLAN).exists():
        return
    earlier = read_plan(folder / _PLAN)
    if earlier.work_digest == plan.work_digest:
        return
    for name in (_EXPERIMENT, _PLAN):
        kept = _name_earlier(folder / name, earlier)
        if not kept.exists():
            write_bytes_atomically(kept, (folder / name).read_bytes())


def _name_earlier(path: Path, plan: Plan) -> Path:
    """Return the path under which a folder keeps a file of an earlier plan."""
    return path.with_stem(f"{path.stem}-{plan.digest[:12]}")


def read_planned_files(plan: Plan, experiment: Experiment) -> dict[str, str]:
    """Read the texts of all files that a plan was made from.

    Raises:
        BadRun: one of them is not what it was when it was planned.
    """
    texts = {}
    for name, digest in plan.files.items():
        if is_hub_file(name):  # its queries are kept, and the commit names the file
            _check_hub_file(experiment, name, digest)
            continue
        try:
            content = _read_planned_file(plan, experiment, name)
        except RefusedFile as error:
            raise BadRun(f"cannot read planned file {name}: {error}; nothing was sent") from error
        except OSError as error:
            raise BadRun(
                f"cannot read planned file {experiment.folder / name}: {error.strerror}; "
                "nothing was sent. Put it back, or estimate and approve again"
            ) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise BadRun(f"file {name} changed after it was planned; estimate and approve again")
        texts[name] = content.decode()
    return texts


def _check_hub_file(experiment: Experiment, name: str, digest: str) -> None:
    if experiment.query_files.get(name) != digest:
        raise BadRun(f"file {name} changed after it was planned; estimate and approve again")


def _read_planned_file(plan: Plan, experiment: Experiment, name: str) -> bytes:
    if name == experiment.path.name:  # the user named it, so it may be a link to anywhere
        with open_file(resolve_path(experiment.path), MAX_TEXT_BYTES) as file:
            return file.read()
    return read_file(experiment.folder, name, planned_trust(plan), MAX_QUERY_BYTES)


def _cannot_write(folder: Path, error: OSError) -> BadRun:
    return BadRun(
        f"cannot write to {folder}: {error.strerror}; nothing was sent. "
        "Choose another folder with --run-dir"
    )


def _has_ledger(folder: Path) -> bool:
    return (folder / LEDGER_FILE).exists() or (folder / LEDGER_URL_FILE).exists()
