"""Draw answers of a run to be labelled by hand, and write them into a label file.

Nothing in the file says of which model and condition an answer is, or what a judge said of it: also
the accept or reject tag that an output begins with is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from estimator.safe_text import escape_cell
from experiment.analysis import find_outcome
from experiment.analysis.validation import (
    LabelSample,
    RatingTable,
    draw_sample,
    tabulate_ratings,
)
from experiment.definition import PROXY, AnswerFormat
from experiment.errors import BadLabels
from experiment.scoring import Answer, read_answer
from runner.labelling.label_file import LabelFile, LabelRow, read_label_file, write_label_file
from runner.labelling.sample_record import read_samples, write_samples
from runner.ledger import read_ledger
from runner.results import ObservationReader, RunRecords, group_answers, join_answer
from runner.run_folder import RunFolder

_COUNT = 50  # rows of a new file
_END_OF_TAG = re.compile(r"[^<>]{0,80}>")


@dataclass(frozen=True, slots=True)
class LabelTask:
    """An answer as a person reads it to label it."""

    request: str
    query: str
    output: str
    reasoning: str

    def without_reasoning(self) -> LabelTask:
        """Return the answer without its reasoning."""
        return replace(self, reasoning="")


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """What was drawn of a run.

    Attributes:
        file: with all rows, also those that were there before.
        added: how many rows are new.
        available: how many answers could be drawn.
        meaning: what a positive label says, such as `compliance`.
    """

    file: LabelFile
    added: int
    available: int
    meaning: str

    @property
    def unlabelled(self) -> int:
        """How many rows have no label yet."""
        return sum(not row.cells["label"].strip() for row in self.file.rows)


@dataclass(frozen=True, slots=True)
class Draw:
    """How answers are drawn.

    Attributes:
        judge: by whose verdicts the draw is stratified: a judge, or `proxy`.
        count: how many rows the file is to have; fewer where there are not so many answers. None
            means as many as it has, and 50 of a new one.
        seed: of the draw.
        with_reasoning: whether the answers' reasoning is written too.
    """

    judge: str
    count: int | None
    seed: int = 0
    with_reasoning: bool = True


def draw_label_file(run_folder: RunFolder, path: Path, draw: Draw) -> DrawnSample:
    """Draw answers into a label file until it has a number of rows; rows that are there stay.

    Args:
        run_folder: of the run.
        path: of the label file, which need not exist.
        draw: what is drawn.

    Raises:
        BadLabels: there is no such judge, nothing to draw, or the file is another run's.
    """
    judge = draw.judge
    _check_judge(run_folder, judge)
    table = _tabulate_run(run_folder)
    file = read_label_file(path) if path.exists() else LabelFile(path)
    samples = {sample.judge: sample for sample in read_samples(run_folder.path)}
    kept = [row.request for row in file.rows]
    _refuse_other_rows(file, table, run_folder.path, judge, samples)
    earlier = samples.get(judge, LabelSample(judge))
    count = draw.count or len(kept) or _COUNT
    drawn = draw_sample(table, judge, count, draw.seed, replace(earlier, drawn=tuple(kept)))
    new = drawn.drawn[len(kept) :]
    if not drawn.drawn:
        raise BadLabels(
            f"{run_folder.path} has no text that {judge} has rated, so there is nothing to label"
        )
    if new:
        tasks = _list_tasks(run_folder, new)
        together = tuple(dict.fromkeys([*earlier.drawn, *drawn.drawn]))
        samples[judge] = replace(drawn, drawn=together)
        write_samples(run_folder.path, list(samples.values()))
        file.rows += [_make_row(file, tasks[each], draw) for each in new]
        write_label_file(file)
    available = sum(len(stratum.requests) for stratum in drawn.strata)
    return DrawnSample(file, len(new), available, find_outcome(run_folder.spec, judge))


def list_tasks(run_folder: RunFolder, file: LabelFile) -> dict[str, LabelTask]:
    """Return the answers that a label file asks about, as they stand in the run.

    Raises:
        BadLabels: a row is of no answer of the run.
    """
    tasks = _list_tasks(run_folder, [row.request for row in file.rows])
    for row in file.rows:
        if row.request not in tasks:
            raise _unknown_row(file, row, run_folder.path)
    return tasks


def _tabulate_run(run_folder: RunFolder) -> RatingTable:
    answers = ObservationReader(run_folder)
    with read_ledger(run_folder.ledger_location) as reader:
        jobs = RunRecords(run_folder, reader).read()
        read = [answers.read(job.current, ()) for job in jobs]
    return tabulate_ratings(run_folder.spec, filter(None, read), None)


def _check_judge(run_folder: RunFolder, judge: str) -> None:
    known = [*(each.name for each in run_folder.spec.judges), PROXY]
    if judge not in known:
        raise BadLabels(f"{judge!r} is no judge of {run_folder.path}; it has {', '.join(known)}")
    if any(each.name == judge and not each.form.has_positives for each in run_folder.spec.judges):
        raise BadLabels(
            f"{judge!r} gives free labels, of which none is right or wrong by a yes or no; name "
            "some as `positive` in its `verdict`, or draw by another judge with --judge"
        )


def _refuse_other_rows(
    file: LabelFile,
    table: RatingTable,
    run: Path,
    judge: str,
    samples: dict[str, LabelSample],
) -> None:
    """Refuse a file whose rows are of another run, or were drawn by another judge's verdicts."""
    known = set(table.requests)
    for row in file.rows:
        if row.request not in known:
            raise _unknown_row(file, row, run)
    rows = {row.request for row in file.rows}
    own = set(samples[judge].drawn) if judge in samples else set()
    for other, sample in samples.items():
        if rows and not rows <= own and rows <= set(sample.drawn):
            raise BadLabels(
                f"the rows of {file.path} were drawn by the verdicts of {other}; go on with "
                f"--judge {other}, or name another file with -o"
            )


def _unknown_row(file: LabelFile, row: LabelRow, run: Path) -> BadLabels:
    return BadLabels(
        f"{file.path}, line {row.line}: {row.request or '(no id)'} is no answer of {run}; "
        "the file seems to be of another run. Name that run, or another file with -o"
    )


def _list_tasks(run_folder: RunFolder, requests: Iterable[str]) -> dict[str, LabelTask]:
    form, tasks = run_folder.spec.answer, {}
    with read_ledger(run_folder.ledger_location) as reader:
        for job in RunRecords(run_folder, reader).read_jobs(dict.fromkeys(requests)):
            subject, turns, _ = group_answers(job.current)
            if subject is None or not turns:
                continue
            whole = join_answer(turns, form)
            answer = read_answer(whole.completion, form, whole.prefill)
            query = run_folder.queries[subject.query]
            output = _hide_tag(answer, form)
            tasks[subject.job] = LabelTask(subject.job, query, output, answer.reasoning)
    return tasks


def _hide_tag(answer: Answer, answer_format: AnswerFormat) -> str:
    """Return an output without the tag that it begins with, which is the proxy's verdict."""
    if answer.accepted is None:
        return answer.output
    tag = answer_format.accept if answer.accepted else answer_format.reject
    rest = answer.output.removeprefix(tag)
    if tag.startswith("<") and ">" not in tag:  # as imports have it, for `<tag>` and `<tag/>`
        rest = _END_OF_TAG.sub("", rest, count=1)
    return rest.strip()


def _make_row(file: LabelFile, task: LabelTask, draw: Draw) -> LabelRow:
    texts = {
        "id": task.request,
        "query": task.query,
        "output": task.output,
        "reasoning": task.reasoning if draw.with_reasoning else "",
    }
    cells = {name: escape_cell(texts.get(name, "")) for name in file.columns}
    return LabelRow(cells, line=0)
