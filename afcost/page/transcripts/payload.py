"""A page's transcripts: which answers it has, and where their texts are.

Answers are read one at a time, query by query, so that two conditions of a query are in one block.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from afcost.page.transcripts.blocks import (
    BlockStore,
    BlockWriter,
    DistinctTexts,
    TextsTooLarge,
    deflate,
)
from afcost.page.transcripts.index import IndexBuilder, list_measures_apart
from afcost.page.transcripts.record import make_record
from afcost.page.transcripts.sample import choose_sample
from experiment.definition import cross_factors
from runner.errors import BadRun
from runner.ledger import Attempt
from runner.results import Report
from runner.results.reading import TranscriptReader, open_transcripts

_MOST_IN_PAGE = 20_000  # answers: more do not fit, at some 400 characters each when deflated


class Extent(Enum):
    """Which answers' transcripts a page has."""

    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PageTranscripts:
    """The transcripts of a page.

    Attributes:
        index: of all of them, deflated, in base64.
        blocks: name -> texts, deflated, in base64; none where they are in the folder.
        answers: how many they are of.
        total: how many answers the run has.
        folder: with their texts, beside the page; empty where they are in it.
    """

    index: str
    blocks: dict[str, str]
    answers: int
    total: int
    folder: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether the run has more answers."""
        return self.answers < self.total


def build_transcripts(
    report: Report, page: Path, extent: Extent | None = None
) -> PageTranscripts | None:
    """Return the transcripts of a page, and write the folder beside it where they need one.

    Args:
        report: of the run.
        page: its file.
        extent: which answers; None for all that fit into the page, else a sample.

    Returns:
        None where it is to have none, or the run has no answers.

    Raises:
        LedgerError: the ledger cannot be read.
        BadRun: the folder cannot be written.
    """
    if extent is Extent.NONE:
        return None
    with open_transcripts(report.run_folder) as reader:
        builder = _Builder(report, reader)
        if extent is Extent.ALL or (extent is None and reader.total <= _MOST_IN_PAGE):
            folder = page.with_name(f"{page.stem}_texts") if extent is Extent.ALL else None
            try:
                return builder.build(reader.list_attempts(), folder)
            except TextsTooLarge:
                pass
            except OSError as error:
                raise BadRun(f"cannot write {folder}: {error.strerror}") from error
        return builder.build_sample()


def describe_transcripts(transcripts: PageTranscripts | None) -> str:
    """Return what a page has of the transcripts, to be said after its name."""
    if transcripts is None:
        return ""
    of = f"a sample of {transcripts.answers:,} of {transcripts.total:,} answers"
    what = of if transcripts.is_sample else f"all {transcripts.total:,} answers"
    where = f"; their texts are in {transcripts.folder}/ beside it" if transcripts.folder else ""
    return f" with {what}{where}"


class _Builder:
    """Builds the transcripts of a report's page.

    Args:
        report: of the run.
        reader: of its transcripts.
    """

    def __init__(self, report: Report, reader: TranscriptReader) -> None:
        self._report, self._reader = report, reader
        spec = report.run_folder.spec
        self._models = {name: place for place, name in enumerate(spec.models)}
        self._conditions = {each.name: place for place, each in enumerate(cross_factors(spec))}

    def build(self, attempts: Sequence[Attempt], folder: Path | None) -> PageTranscripts | None:
        """Return the transcripts of some answers.

        Args:
            attempts: at their requests.
            folder: for texts that do not fit into the page; None where they must.

        Raises:
            TextsTooLarge: they do not fit.
            OSError: the folder cannot be written.
        """
        if not attempts:
            return None
        index = IndexBuilder(self._report.run_folder, self._report.analysis.compared)
        with BlockStore(folder) as store:
            answers, prompts = BlockWriter("answers", store), BlockWriter("prompts", store)
            texts = DistinctTexts(prompts)
            for each in self._reader.read(sorted(attempts, key=self._find_place)):
                index.add(each)
                answers.add(make_record(each, texts.number))
            blocks = {"answers": answers.finish(), "prompts": prompts.finish()}
        name, total = folder.name if folder and store.is_folder else "", self._reader.total
        written = index.finish(total=total, folder=quote(os.fsencode(name)), blocks=blocks)
        return PageTranscripts(deflate(written), store.in_page, len(attempts), total, name)

    def build_sample(self) -> PageTranscripts | None:
        """Return the transcripts of a sample, a smaller one where texts are long."""
        run = self._report.run_folder
        measures, seed = list_measures_apart(run), run.plan.digest
        sample = choose_sample(self._report.observations, measures, seed)
        attempts = {each.job: each for each in self._reader.list_attempts()}
        while sample:
            try:
                return self.build([attempts[each] for each in sample if each in attempts], None)
            except TextsTooLarge:
                sample = sample[: len(sample) // 2]  # the first of a sample are balanced as well
        return None

    def _find_place(self, attempt: Attempt) -> tuple[int, int, int, int]:
        """Return an answer's place: by query; samples of one prompt, which is rendered once."""
        model = self._models.get(attempt.model, len(self._models))
        return attempt.query, model, self._conditions[attempt.condition], attempt.sample
