"""Confusion matrices: one measure against another, on the texts that both of them rate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.analysis.validation.agreement import Agreement, compute_kappa
from experiment.analysis.validation.intervals import Rate, estimate_rate
from experiment.analysis.validation.ratings import Floats, Mask, RatingTable


@dataclass(frozen=True, slots=True)
class Confusion:
    """A measure against another one, which is taken for the truth.

    Attributes:
        model: of the answers; empty over all models.
        condition: of the answers; empty over all conditions.
        tested, reference: names of judges, or `proxy`.
        both_positive, only_tested, only_reference, both_negative: how many texts; a value above one
            half is positive.
        false_positive_rate: of the texts that are negative by the reference.
        false_negative_rate: of the texts that are positive by the reference.
        kappa: Cohen's.
    """

    model: str
    condition: str
    tested: str
    reference: str
    both_positive: int
    only_tested: int
    only_reference: int
    both_negative: int
    false_positive_rate: Rate
    false_negative_rate: Rate
    kappa: Agreement

    @property
    def texts(self) -> int:
        """How many texts both of them rate."""
        return self.both_positive + self.only_tested + self.only_reference + self.both_negative


def compare_measures(table: RatingTable, measures: Sequence[str]) -> Iterator[Confusion]:
    """Compare each pair of measures in each model's conditions, in each model and over all.

    Args:
        table: of all answers.
        measures: that say the same of an answer; of each pair the first is the reference.
    """
    for reference, tested in itertools.combinations(measures, 2):
        for model, condition, where in _list_groups(table):
            yield _compare(table, where, (model, condition, tested, reference))


def _list_groups(table: RatingTable) -> Iterator[tuple[str, str, Mask]]:
    """Yield each model's conditions, then all of its answers; of several models all at last."""
    for number, model in enumerate(table.models):
        of_model = table.is_text & (table.model == number)
        for place, condition in enumerate(table.conditions):
            yield model, condition, of_model & (table.condition == place)
        yield model, "", of_model
    if len(table.models) > 1:
        yield "", "", table.is_text


def _compare(table: RatingTable, where: Mask, named: tuple[str, str, str, str]) -> Confusion:
    a, b = (table.ratings[measure] for measure in named[2:])
    both = where & a.is_rated & b.is_rated
    said, true = a.is_positive[both], b.is_positive[both]
    # Each judge draws for itself, so one that both drew had the chance of both draws together.
    weights: Floats = a.weights[both] * b.weights[both]
    return Confusion(
        *named,
        both_positive=int((said & true).sum()),
        only_tested=int((said & ~true).sum()),
        only_reference=int((~said & true).sum()),
        both_negative=int((~said & ~true).sum()),
        false_positive_rate=estimate_rate(said[~true].astype(np.float64), weights[~true]),
        false_negative_rate=estimate_rate((~said[true]).astype(np.float64), weights[true]),
        kappa=compute_kappa(said, true, weights),
    )
