"""A page's transcripts: which answers it has, and where their texts are.

Answers are read one at a time, query by query, so that two conditions of a query are in one block.
"""

from __future__ import annotations

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
from runner.results.reading import TranscriptReader, open_transcripts
from runner.run_folder import RunFolder

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
    run_folder: RunFolder,
    page: Path,
    extent: Extent | None = None,
    *,
    compared: str | None = None,
) -> PageTranscripts | None:
    """Return the transcripts of a page, and write the folder beside it where they need one.

    Args:
        run_folder: of the run.
        page: its file.
        extent: which answers; None for all that fit into the page, else a sample.
        compared: the factor whose levels are compared; by default the experiment's own.

    Returns:
        None where it is to have none, or the run has no answers.

    Raises:
        LedgerError: the ledger cannot be read.
        BadRun: the folder cannot be written.
    """
    if extent is Extent.NONE:
        return None
    factor = compared or run_folder.spec.compared
    with open_transcripts(run_folder) as reader:
        attempts = _sort_by_query(run_folder, reader.list_attempts())
        if not attempts:
            return None
        if extent is Extent.ALL or (extent is None and len(attempts) <= _MOST_IN_PAGE):
            folder = page.with_name(f"{page.stem}_texts") if extent is Extent.ALL else None
            try:
                return _build(run_folder, reader, attempts, factor, folder)
            except TextsTooLarge:
                pass
            except OSError as error:
                raise BadRun(f"cannot write {folder}: {error.strerror}") from error
        return _build_sample(run_folder, reader, attempts, factor)


def describe_transcripts(transcripts: PageTranscripts | None) -> str:
    """Return what a page has of the transcripts, to be said after its name."""
    if transcripts is None:
        return ""
    of = f"a sample of {transcripts.answers:,} of {transcripts.total:,} answers"
    what = of if transcripts.is_sample else f"all {transcripts.total:,} answers"
    where = f"; their texts are in {transcripts.folder}/ beside it" if transcripts.folder else ""
    return f" with {what}{where}"


def _build_sample(
    run_folder: RunFolder,
    reader: TranscriptReader,
    attempts: Sequence[Attempt],
    compared: str | None,
) -> PageTranscripts | None:
    """Return the transcripts of a sample, a smaller one where texts are long."""
    measures, seed = list_measures_apart(run_folder), run_folder.plan.digest
    sample = choose_sample(reader.observe(attempts), measures, seed)
    while sample:
        try:
            return _build(run_folder, reader, _sort_by_query(run_folder, sample), compared, None)
        except TextsTooLarge:
            sample = sample[: len(sample) // 2]  # the first ones of a sample are balanced as well
    return None


def _build(
    run_folder: RunFolder,
    reader: TranscriptReader,
    attempts: Sequence[Attempt],
    compared: str | None,
    folder: Path | None,
) -> PageTranscripts:
    store, index = BlockStore(folder), IndexBuilder(run_folder, compared)
    answers, prompts = BlockWriter("answers", store), BlockWriter("prompts", store)
    texts = DistinctTexts(prompts)
    for each in reader.read(attempts):
        index.add(each)
        answers.add(make_record(each, texts.number))
    answers.close()
    prompts.close()
    name = folder.name if folder and store.is_folder else ""
    written = index.finish(
        total=reader.total,
        folder=quote(name),
        blocks={"answers": answers.written, "prompts": prompts.written},
    )
    return PageTranscripts(deflate(written), store.in_page, len(attempts), reader.total, name)


def _sort_by_query(run_folder: RunFolder, attempts: Sequence[Attempt]) -> list[Attempt]:
    models = {name: place for place, name in enumerate(run_folder.spec.models)}
    conditions = {each.name: place for place, each in enumerate(cross_factors(run_folder.spec))}

    def find_place(attempt: Attempt) -> tuple[int, int, int, int]:
        model = models.get(attempt.model, len(models))
        return attempt.query, attempt.sample, model, conditions[attempt.condition]

    return sorted(attempts, key=find_place)
