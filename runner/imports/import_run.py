"""Importing: answers of files become a run folder, all of them or none. Nothing is sent."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from estimator.atomic_write import make_private_folder
from estimator.forecast import History, HistoryCall
from estimator.plan import Estimate, EstimateOptions, estimate_experiment
from estimator.workload import make_request_builder
from experiment.definition import SUBJECT
from experiment.prompts import Request, RequestBuilder
from runner.errors import BadImport
from runner.imports.answer_set import AnswerSet, PlacedAnswer, arrange_answers
from runner.imports.formats import choose_format, name_factor
from runner.imports.found_answer import FoundAnswer, read_answer_of_row
from runner.imports.imported_experiment import name_model, write_imported_experiment
from runner.imports.read_rows import read_rows
from runner.ledger import IMPORTED, LEDGER_FILE, Attempt, FileLocation, StoredAnswer, open_ledger
from runner.run_folder import create_or_reopen, describe_work

SOURCE_FOLDER = "imported"  # of the experiment, in the run folder
_CHARACTERS_PER_TOKEN = 4  # of an answer whose tokens no file tells; only for its forecast


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files are read.

    Attributes:
        format: the name of their format; empty to recognise it.
        columns: a part of an answer, or a factor -> its column.
        model: the name of the model, whatever the files say; empty for theirs.
        answer_format: fields of the experiment's `answer:`.
        repeats_are_samples: as of `arrange_answers`.
    """

    format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    answer_format: Mapping[str, Any] = field(default_factory=dict)
    repeats_are_samples: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What was imported.

    Attributes:
        folder: the run's.
        answers: in their places.
        formats: the format of each file, by its name.
    """

    folder: Path
    answers: AnswerSet
    formats: dict[str, str]


def import_answers(
    files: Sequence[Path], folder: Path, name: str, day: date, options: ImportOptions
) -> Imported:
    """Make a run folder of the answers in files.

    Args:
        files: with answers.
        folder: of the run; it must not be there yet.
        name: of the study.
        day: today.
        options: how the files are read.

    Raises:
        BadImport: a file cannot be read, or contradicts itself; nothing is kept.
        BadExperiment: what was found cannot be an experiment, such as too many conditions.
    """
    if folder.exists():
        raise BadImport(f"{folder} is there already; choose another --study or -o DIR")
    formats: dict[str, str] = {}
    found = (each for path in files for each in _read_file(path, options, formats))
    answers = arrange_answers(
        found,
        {name_factor(each) for each in options.columns},
        repeats_are_samples=options.repeats_are_samples,
    )
    with _new_folder(folder) as building:
        source = building / SOURCE_FOLDER
        make_private_folder(source)
        path = write_imported_experiment(source, name, answers, options.answer_format)
        estimate = estimate_experiment(
            str(path), day, options=EstimateOptions(study=name), history=_measure(answers)
        )
        _write_run(building, estimate, answers)
    return Imported(folder, answers, formats)


def _read_file(
    path: Path, options: ImportOptions, formats: dict[str, str]
) -> Iterator[FoundAnswer]:
    found = None
    for row in read_rows(path):
        if found is None:
            found = choose_format(row, options.format, options.columns)
            formats[path.name] = found.name
        yield read_answer_of_row(row, found, options.model)
    if found is None:
        raise BadImport(f"{path}: there is no answer in it")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that is there as a whole at the end, or not at all."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise BadImport(f"cannot write to {folder.parent}: {error.strerror}") from error
    try:
        yield building
        building.rename(folder)
    except OSError as error:
        raise BadImport(f"cannot write {folder}: {error.strerror}; nothing is kept") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_run(folder: Path, estimate: Estimate, answers: AnswerSet) -> None:
    """Write the ledger of imported answers, their plan and experiment."""
    plan, experiment = estimate.plan, estimate.experiment
    requests = make_request_builder(experiment, plan.models)
    location = FileLocation(folder / LEDGER_FILE)
    with open_ledger(location, folder) as ledger:
        with ledger.transaction():
            ledger.begin_work(describe_work(plan))
            for request, placed in _match_requests(requests, answers):
                attempt = _make_attempt(request, placed.found)
                note = f"{placed.found.row.file}:{placed.found.row.place}"
                ledger.record_import(attempt, _make_answer(placed.found), note)
            ledger.record_end("complete")
        create_or_reopen(folder, plan, experiment, location, requests)


def _match_requests(
    requests: RequestBuilder, answers: AnswerSet
) -> Iterator[tuple[Request, PlacedAnswer]]:
    """Yield each answer with the request that stands for how it was asked for, in plan order."""
    places = {
        (name_model(each.found.model), each.condition, each.query, each.sample): each
        for each in answers.answers
    }
    for request in requests.all_subject_requests():
        key = (request.model, request.condition, request.query, request.sample)
        if placed := places.get(key):
            yield request, placed


def _make_attempt(request: Request, found: FoundAnswer) -> Attempt:
    tokens = found.tokens[0]
    return Attempt(
        job=request.id,
        request=request.id,
        number=1,
        stage=SUBJECT,
        model=request.model,
        condition=request.condition,
        query=request.query,
        sample=request.sample,
        vote=0,
        counted=tokens,
        bound=tokens,
        exactness=IMPORTED,
    )


def _make_answer(found: FoundAnswer) -> StoredAnswer:
    given, output, hidden = found.tokens
    return StoredAnswer(
        prefill="",
        text=found.text or "",
        reasoning=found.reasoning,
        finish=found.finish,
        input=given,
        cache_read=0,
        cache_write=0,
        output=output,
        hidden=min(hidden, output),
        stated_cost=None,
        model=found.model,
        provider_id="",
        usage="{}",
        refusal=found.refusal,
        reasoning_form=found.reasoning_form.value if found.reasoning else "",
    )


def _measure(answers: AnswerSet) -> History:
    """Return how long the answers are, for the plan's forecast of what judges will read."""
    calls: dict[tuple[str, str, str, str], list[HistoryCall]] = defaultdict(list)
    for each in answers.answers:
        found = each.found
        characters = len(found.text or "") + len(found.reasoning)
        if tokens := found.tokens[1] or -(-characters // _CHARACTERS_PER_TOKEN):
            provider, _, model = name_model(found.model).partition("/")
            key = (SUBJECT, provider, model, each.condition)
            calls[key].append(HistoryCall(str(each.query), tokens))
    return History(dict(calls), "the imported answers", has_numbers=True)
