"""The run folder: the plan, the experiment as planned, and the ledger with every answer.

Nothing else is needed to read a run later: the texts of all files that the prompts were made from
are kept too. Nothing is sent from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically, write_bytes_atomically
from estimator.errors import BadPlan
from estimator.json_files import read_json_file
from estimator.plan import Plan, planned_trust, read_plan, save_plan
from estimator.safe_text import dump_json
from estimator.workload import PlannedModel, make_request_builder
from experiment.definition import Experiment, ExperimentSpec, is_hub_file, read_stored_spec
from experiment.errors import RefusedFile
from experiment.file_access import (
    MAX_QUERY_BYTES,
    MAX_TEXT_BYTES,
    open_file,
    read_file,
    resolve_path,
)
from experiment.prompts import RequestBuilder, Templates
from pricing.rates import RateCard, merge_highest
from runner.errors import BadRun, LedgerError
from runner.ledger import Location, read_ledger, remember_location
from runner.run_folder.files import (
    EXPERIMENT_FILE,
    GUARD_FILE,
    PLAN_FILE,
    has_ledger,
    list_earlier_plans,
    make_write_error,
    name_earlier,
)
from runner.run_folder.ids_of_before import find_ids_of_before
from runner.run_folder.works import locate_plan_ledger, refuse_other_study
from runner.versions import list_versions

_MAX_BYTES = 2 * MAX_QUERY_BYTES  # of the experiment with its queries and files


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
        location: of its ledger, where more is known of it than the folder keeps: a password.
        repeats: which requests have the content of an earlier one, as of `RequestBuilder`; None
            where an earlier version made the folder.
        ids_of_before: id of this version -> that of an earlier one, of requests that are in the
            ledger under that; None where an earlier version made the folder.
        query_columns: as in `Experiment`.
        versions: of what rendered and counted its prompts; empty in run folders of before.
    """

    path: Path
    plan: Plan
    spec: ExperimentSpec
    queries: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    location: Location | None = None
    repeats: dict[tuple[int, int], int] | None = None
    ids_of_before: dict[str, str] | None = None
    query_columns: tuple[dict[str, Any], ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def ledger_location(self) -> Location:
        """The location of the ledger."""
        return self.location or locate_plan_ledger(self.path, self.plan)

    def billed_names(self) -> dict[str, str]:
        """Return the names that a provider's bill may have for each model -> as it is written."""
        models = self.all_models()
        known = {key: written for written, each in models.items() for key in each.name.price_keys}
        return known | {each.name.id: written for written, each in models.items()}

    def all_models(self) -> dict[str, PlannedModel]:
        """Return each model as written, also those of judges that an earlier plan had."""
        models: dict[str, PlannedModel] = {}
        for plan in (*list_earlier_plans(self.path), self.plan):
            models |= plan.models
        return models

    def highest_cards(self) -> dict[str, RateCard]:
        """Return, for each model as written, the highest prices that a plan of the run had of it.

        No answer in its ledger was settled at more by the price that was planned then.
        """
        cards: dict[str, RateCard] = {}
        for plan in (self.plan, *list_earlier_plans(self.path)):
            for name, model in plan.models.items():
                known = cards.get(name)
                cards[name] = merge_highest([known, model.card]) if known else model.card
        return cards

    def request_builder(self) -> RequestBuilder:
        """Return what builds the run's requests again, from what the folder keeps alone.

        They have the ids that are in the ledger.

        Raises:
            BadRun: an earlier version made the folder, and kept no files.
        """
        requests = self._build_requests()
        ids = self.ids_of_before
        if ids is None:
            with suppress(LedgerError), read_ledger(self.ledger_location) as reader:
                ids = find_ids_of_before(reader.jobs_of_before(), {}, [self._build_requests()])
        requests.keep_ids_of_before(ids or {})
        return requests

    def _build_requests(self) -> RequestBuilder:
        if not self.files:
            raise BadRun(
                f"{self.path} was made by an earlier version, which kept no files of its prompts; "
                "run the plan once more to keep them"
            )
        path = self.path / EXPERIMENT_FILE
        experiment = Experiment(
            self.spec, path, str(path), self.queries, query_columns=self.query_columns
        )
        templates = Templates(self.path, self.files)
        return make_request_builder(experiment, self.plan.models, templates, self.repeats)


def open_run_folder(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        BadRun: it is not one.
    """
    if (folder / GUARD_FILE).exists():
        raise BadRun(
            f"{folder} is the folder of a guarded program, which has no plan; read it with afcost "
            "report, status, show or ledger"
        )
    if not (folder / EXPERIMENT_FILE).exists() or not has_ledger(folder):
        raise BadRun(
            f"{folder} is not a run folder; `afcost run` and `afcost guard` make them in runs/"
        )
    plan = read_plan(folder / PLAN_FILE)
    path = folder / EXPERIMENT_FILE
    run, of = _read_folder(path, plan)
    kept = name_earlier(path, plan)
    if of != plan.digest and kept.exists():
        run, _ = _read_folder(kept, plan)  # a crash came before the newer plan
    return run


def _read_folder(path: Path, plan: Plan) -> tuple[RunFolder, str]:
    """Return the run folder that an experiment's file describes, and the digest of its plan."""
    try:
        data = read_json_file(path, _MAX_BYTES)
        repeats = data.get("repeats")
        run = RunFolder(
            path.parent,
            plan,
            read_stored_spec(data["spec"]),
            tuple(data["queries"]),
            dict(data.get("files", {})),
            repeats=repeats and {(cell, query): number for cell, query, number in repeats},
            ids_of_before=data.get("ids_of_before"),
            query_columns=tuple(data.get("query_columns", ())),
            versions=dict(data.get("versions", {})),
        )
        return run, data.get("plan", plan.digest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRun(f"cannot read {path}: {error}") from error


def match_ids_of_before(folder: Path, requests: RequestBuilder, known: Collection[str]) -> None:
    """Give requests the ids that an earlier version gave them, where the ledger has these.

    Args:
        folder: of the run; what it keeps says what those ids were for.
        requests: of the plan that is to continue the ledger.
        known: the ids in the ledger that an earlier version made.

    Raises:
        BadRun: some are not this plan's, and no plan is kept here that says what they were for: an
            answer might be paid for again.
    """
    if not known:
        return
    kept = list(_list_kept(folder))
    stored = next((run.ids_of_before for run in kept if run.ids_of_before), {})
    earlier = (run._build_requests() for run in kept if run.files)  # noqa: SLF001 - own
    found = find_ids_of_before(known, stored, [*earlier, requests])
    if not any(run.files for run in kept) and (left := set(known) - set(found.values())):
        raise BadRun(
            f"the ledger holds answers to {len(left):,} requests of an earlier version, and "
            f"{folder} does not keep the plan that says what was asked; nothing was sent. Run it "
            "in the folder of the earlier run, or as another study:  afcost estimate --study NAME"
        )
    requests.keep_ids_of_before(found)


def _list_kept(folder: Path) -> Iterator[RunFolder]:
    """Yield a run folder, then as it was for each of its earlier plans."""
    with suppress(BadRun, BadPlan):
        yield open_run_folder(folder)
    for plan in list_earlier_plans(folder):
        with suppress(BadRun):
            yield _read_folder(name_earlier(folder / EXPERIMENT_FILE, plan), plan)[0]


def create_or_reopen(
    folder: Path,
    plan: Plan,
    experiment: Experiment,
    location: Location,
    requests: RequestBuilder | None = None,
) -> RunFolder:
    """Write a plan and its experiment into its run folder, or check that it is of its study.

    Its ledger is open meanwhile, so that no other plan's are written at the same time.

    Args:
        folder: of the run.
        plan: that is run.
        experiment: that it plans.
        location: of the ledger.
        requests: of the plan, with the ids that are in the ledger; None to build them.

    Raises:
        BadRun: it is another study's, a planned file has changed, or it cannot be written.
    """
    refuse_other_study(folder, plan)
    files = read_planned_files(plan, experiment)
    requests = requests or make_request_builder(experiment, plan.models)
    repeats, ids_of_before = requests.repeats, requests.ids_of_before
    versions = list_versions()
    kept: dict[str, Any] = {
        "plan": plan.digest,
        "spec": experiment.spec.to_stored(),
        "queries": experiment.queries,
        "files": files,
        "repeats": [[*place, number] for place, number in repeats.items()],
        "ids_of_before": ids_of_before,
        "versions": versions,
    }
    if experiment.query_columns:
        kept["query_columns"] = experiment.query_columns
    try:
        _keep_earlier(folder, plan)
        write_atomically(folder / EXPERIMENT_FILE, dump_json(kept))
        # Last: with it the folder is whole, whenever a crash comes.
        save_plan(plan, folder / PLAN_FILE)
        remember_location(location, folder)
    except OSError as error:
        raise make_write_error(folder, error) from error
    return RunFolder(
        folder,
        plan,
        experiment.spec,
        experiment.queries,
        files,
        location,
        repeats,
        ids_of_before,
        experiment.query_columns,
        versions,
    )


def _keep_earlier(folder: Path, plan: Plan) -> None:
    """Keep the plan and the experiment that a folder was for, before they change."""
    if not (folder / PLAN_FILE).exists():
        return
    earlier = read_plan(folder / PLAN_FILE)
    if earlier.work_digest == plan.work_digest:
        return
    for name in (EXPERIMENT_FILE, PLAN_FILE):
        kept = name_earlier(folder / name, earlier)
        if not kept.exists():
            write_bytes_atomically(kept, (folder / name).read_bytes())


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
