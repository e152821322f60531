"""The index of a page's transcripts: what its list and its filters need of every answer.

It has no texts but the queries', so that a page with 100,000 answers finds any of them at once. An
answer is a row of columns; names are said once, and rows have their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from experiment.analysis import choose_measure
from experiment.definition import PROXY, Judge, cross_factors
from experiment.scoring import AnswerKind
from providers.secrets import redact_values
from runner.results.reading import JudgeTranscript, Transcript, list_words_said
from runner.run_folder import RunFolder

_QUERY, _QUERIES = 20_000, 4_000_000  # characters of one query, and of all
PROXIES = ("accepted", "rejected", "none")
KINDS = tuple(each.value for each in AnswerKind)


class IndexBuilder:
    """Gathers the rows of the index; make its JSON with `finish`.

    Args:
        run_folder: of the run.
        compared: the factor whose levels are compared; None without one.
    """

    def __init__(self, run_folder: RunFolder, compared: str | None) -> None:
        self._run, self._compared = run_folder, compared
        self._models = Numbered(lambda name: [name, _list_model_names(run_folder, name)])
        self._conditions = Numbered(lambda name: name)
        self._queries = Numbered(self._show_query)
        self._readings = {judge.name: _Readings(judge) for judge in run_folder.spec.judges}
        self._rows: list[tuple[Any, ...]] = []

    def add(self, transcript: Transcript) -> None:
        """Add an answer."""
        self._rows.append(
            (
                transcript.request,
                self._models.number(transcript.model),
                self._conditions.number(transcript.condition),
                self._queries.number(transcript.query),
                transcript.sample,
                KINDS.index(transcript.kind.value),
                PROXIES.index(transcript.proxy),
                *(self._readings[each.judge].number(each) for each in transcript.judges),
            )
        )

    def finish(self, **facts: object) -> str:
        """Return the index as ASCII JSON.

        Args:
            facts: further ones of the page.
        """
        run, columns = self._run, list(map(list, zip(*self._rows, strict=True)))
        names = {
            "measure": choose_measure(run.spec),
            "compared": self._compared,
            "factors": {name: list(levels) for name, levels in run.spec.factors.items()},
            "levels": {each.name: dict(each.levels) for each in cross_factors(run.spec)},
            "models": self._models.values,
            "conditions": self._conditions.values,
            "queries": self._queries.values,
            "kinds": KINDS,
            "proxies": PROXIES,
            "judges": [self._describe_judge(judge) for judge in run.spec.judges],
        }
        return _write(redact_values(names | facts))[:-1] + f',"columns":{_write(columns)}}}'

    def _show_query(self, number: int) -> list[Any]:
        limit = min(_QUERY, max(200, _QUERIES // len(self._run.queries)))
        text = self._run.queries[number]
        return [number, text if len(text) <= limit else f"{text[:limit]} …"]

    def _describe_judge(self, judge: Judge) -> dict[str, Any]:
        return {
            "name": judge.name,
            "model": str(self._run.plan.models[judge.model].name),
            "canDiffer": judge.form.has_positives,
            "readings": self._readings[judge.name].list(),
        }


class Numbered:
    """Values, each numbered when it is first seen.

    Args:
        show: what is written of a value.

    Attributes:
        values: what is written of each, in the order of their numbers.
    """

    def __init__(self, show: Callable[[Any], object]) -> None:
        self.values: list[object] = []
        self._show = show
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        """Return the number of a value."""
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(self._show(value))
        return self._numbers[value]


class _Readings:
    """What a judge says of answers: its label, the words that it answers to, and its side."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._numbered = Numbered(list)
        self._known: dict[Hashable, int] = {}

    def number(self, said: JudgeTranscript) -> int:
        """Return the number of what it says of an answer."""
        reading = said.reading
        key = (said.label, reading.value, reading.label, bool(reading.votes))
        if key not in self._known:
            words = tuple(list_words_said(self._judge, reading))
            side = None if reading.value is None else reading.value > 1 / 2
            self._known[key] = self._numbered.number((said.label, words, side))
        return self._known[key]

    def list(self) -> Sequence[object]:
        """Return all that it says."""
        return self._numbered.values


def list_measures_apart(run_folder: RunFolder) -> list[str]:
    """Return the measures that may say something else of a text: the proxy and judges."""
    judges = [each.name for each in run_folder.spec.judges if each.form.has_positives]
    return [PROXY, *judges]


def _list_model_names(run_folder: RunFolder, shown: str) -> list[str]:
    """Return the names by which a link may ask for a model, in lower case."""
    names = {
        name.lower()
        for written in run_folder.spec.models
        for model in [run_folder.plan.models[written].name]
        if str(model) == shown
        for name in (written, str(model), model.short_name, model.id)
    }
    return sorted(names)


def _write(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
