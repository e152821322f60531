"""Usage history: the token counts of imported answers, as a file that later forecasts rest on."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from estimator.atomic_write import open_atomically
from estimator.safe_text import CsvFile, escape_cell
from experiment.definition import SUBJECT
from pricing.errors import UnknownModel
from pricing.price_book import PriceBook
from providers.registry import builtin_providers
from runner.errors import BadImport
from runner.imports.answer_set import AnswerSet
from runner.imports.imported_experiment import name_model

_COLUMNS = (
    *("provider", "model", "condition", "query", "stage"),
    *("input_tokens", "output_tokens"),
)


def write_usage(answers: AnswerSet, path: Path, day: date) -> int:
    """Write the token counts of answers as `afcost estimate --history` reads them.

    A model that the catalog knows has the name and the provider that an experiment gives it.

    Returns:
        how many answers have counts.

    Raises:
        BadImport: none has, the file is no csv, or it cannot be written.
    """
    if path.suffix != ".csv":
        raise BadImport(f"--history {path} must end in .csv")
    book = PriceBook(day)
    names = {model: _find_name(model, book) for model in answers.models}
    rows = [
        (*names[each.found.model], each.condition, each.query, SUBJECT, *each.found.tokens[:2])
        for each in answers.answers
        if each.found.tokens[1]
    ]
    if not rows:
        raise BadImport(
            f"--history {path}: no file says how many tokens its answers have; name the column, "
            "such as --map output_tokens=usage.completion_tokens"
        )
    try:
        with open_atomically(path) as file:
            table = csv.writer(CsvFile(file))
            table.writerow(_COLUMNS)
            table.writerows([escape_cell(str(cell)) for cell in row] for row in rows)
    except OSError as error:
        raise BadImport(f"cannot write --history {path}: {error.strerror}") from error
    return len(rows)


def _find_name(model: str, book: PriceBook) -> tuple[str, str]:
    """Return the provider and the name of a model in an experiment of one's own."""
    try:
        name = book.resolve_name(model, builtin_providers())
    except UnknownModel:
        provider, _, short_name = name_model(model).partition("/")
        return provider, short_name
    return name.provider, name.short_name
