"""History: billed usage of earlier runs, read from a CSV file, to base a forecast on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from estimator.errors import BadHistory
from estimator.safe_text import unescape_cell
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT
from experiment.errors import RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, open_file, resolve_path

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_REQUIRED_COLUMNS = [
    "provider",
    "model",
    "condition",
    "query",
    "stage",
    "input_tokens",
    "output_tokens",
]


_KIND, _VOTE = "kind", "vote"  # of the answer, in files that `afcost report --answers` wrote


@dataclass(frozen=True, slots=True)
class History:
    """Billed output tokens of earlier runs.

    Attributes:
        by_query: (stage, provider, model, condition) -> mean output tokens of each query.
        source: the file.
        read: (judge, provider, model, condition) -> how many answers the judge read.
        answers: condition -> how many answers of subjects there are; empty where the file does not
            say which vote a verdict is.
    """

    by_query: dict[tuple[str, str, str, str], list[float]]
    source: str
    read: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def count_read(self, key: StratumKey, model: PlannedModel) -> tuple[int, int] | None:
        """Return how many answers a judge read in a condition, and how many there were.

        None where there were none, or where nothing is known of the judge.
        """
        known = {stage for stage, *_ in self.read}
        if key.stage not in known or not self.answers.get(key.condition):
            return None
        names = (model.name.short_name, model.name.id, str(model.name))
        strata = ((key.stage, model.name.provider, name, key.condition) for name in names)
        read = next((self.read[each] for each in strata if each in self.read), 0)
        return min(read, self.answers[key.condition]), self.answers[key.condition]

    def means_for_stratum(self, key: StratumKey, model: PlannedModel) -> list[float]:
        """Return each query's mean output in a stratum; the model matches by alias or by id."""
        stage, _, condition = key
        for name in (model.name.short_name, model.name.id, str(model.name)):
            means = self.by_query.get((stage, model.name.provider, name, condition))
            if means:
                return means
        return []


def read_history(path: Path) -> History:
    """Read billed usage from a CSV file.

    Args:
        path: csv with columns provider, model, condition, query, stage, input_tokens,
            output_tokens; one row for each billed call. Where there is a column kind, answers that
            failed, or were filtered, are left out, and so are empty ones without a token. Other
            columns are ignored.

    Raises:
        BadHistory: no such file, a column is missing, or a count is not a whole number above 0.
    """
    import pandas as pd  # noqa: PLC0415 - costs most of a second

    try:
        with open_file(resolve_path(path), MAX_QUERY_BYTES) as file:
            rows = pd.read_csv(
                file,
                dtype=str,
                keep_default_na=False,
                usecols=[*_REQUIRED_COLUMNS, _KIND, _VOTE].__contains__,
            )
    except (OSError, ValueError, RefusedFile) as error:  # ValueError: of pandas, and not UTF-8
        raise BadHistory(f"cannot read history {path}: {error}") from error
    if missing := [column for column in _REQUIRED_COLUMNS if column not in rows.columns]:
        raise BadHistory(
            f"history {path} is missing columns {', '.join(missing)}; "
            f"required, separated by commas: {', '.join(_REQUIRED_COLUMNS)}"
        )
    if _KIND in rows.columns:
        rows = rows[~_says_nothing(rows)]
    counts = pd.to_numeric(rows["output_tokens"], errors="coerce")
    invalid = rows.index[~((counts > 0) & (counts % 1 == 0))]
    if len(invalid):
        raise BadHistory(
            f"history {path}, line {invalid[0] + 2}: output_tokens is "
            f"{rows['output_tokens'][invalid[0]]!r}, expected a whole number above 0"
        )
    rows["output_tokens"] = counts
    stratum = ["stage", "provider", "model", "condition"]
    for name in stratum:
        rows[name] = rows[name].map(unescape_cell)
    by_query: dict[tuple[str, str, str, str], list[float]] = {}
    means = rows.groupby([*stratum, "query"], as_index=False)["output_tokens"].mean()
    for stage, provider, model, condition, mean in means[[*stratum, "output_tokens"]].to_numpy():
        by_query.setdefault((stage, provider, model, condition), []).append(float(mean))
    return History(by_query, path.name, *_count_read(rows))


def _count_read(rows: DataFrame) -> tuple[dict[tuple[str, str, str, str], int], dict[str, int]]:
    """Return `History.read` and `History.answers`: first votes, and subjects' answers."""
    if _VOTE not in rows.columns:
        return {}, {}
    first = rows[rows[_VOTE] == "0"][["stage", "provider", "model", "condition"]]
    read: Counter[tuple[str, str, str, str]] = Counter()
    answers: Counter[str] = Counter()
    for stage, provider, model, condition in first.to_numpy():
        if stage == SUBJECT:
            answers[condition] += 1
        else:
            read[stage, provider, model, condition] += 1
    return dict(read), dict(answers)


def _says_nothing(rows: DataFrame) -> Series[bool]:
    """Return which rows are of answers whose tokens are no length that an answer has."""
    broken = rows[_KIND].isin(["failed", "filtered"])
    return broken | (rows[_KIND].isin(["refused", "empty"]) & (rows["output_tokens"] == "0"))
