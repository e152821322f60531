"""Confusion matrices: one measure against another, on the texts that both of them read.

A judge that reads only what another measure accepts says nothing of what that one misses, so there
are no rates of its errors then, and no kappa; see `find_selecting`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.analysis.clustered_rate import Rate
from experiment.analysis.validation.agreement import Agreement, compute_kappa
from experiment.analysis.validation.intervals import estimate_rate
from experiment.analysis.validation.ratings import Floats, Integers, Mask, RatingTable
from experiment.definition import PROXY


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
        selected: why what one of the two rules out is not known; empty where it is. There is no
            rate of the tested one's errors then if it is the reference that selects by it.
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
    selected: str = ""

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
    tested, reference = named[2:]
    a, b = table.ratings[tested], table.ratings[reference]
    both = where & a.is_own & b.is_own
    said, true = a.is_positive[both], b.is_positive[both]
    # Each judge draws for itself, so one that both drew had the chance of both draws together.
    weights: Floats = a.weights[both] * b.weights[both]
    queries = table.query[both]
    selected = _explain_selection(table, tested, reference)
    is_known = tested not in b.selected_by
    kappa = compute_kappa(said, true, weights)
    return Confusion(
        *named,
        both_positive=int((said & true).sum()),
        only_tested=int((said & ~true).sum()),
        only_reference=int((~said & true).sum()),
        both_negative=int((~said & ~true).sum()),
        false_positive_rate=_rate_errors(said, ~true & is_known, weights, queries),
        false_negative_rate=_rate_errors(~said, true & is_known, weights, queries),
        kappa=Agreement(None, kappa.answers, selected) if selected else kappa,
        selected=selected,
    )


def _rate_errors(is_wrong: Mask, of_class: Mask, weights: Floats, queries: Integers) -> Rate:
    wrong = is_wrong[of_class].astype(np.float64)
    return estimate_rate(wrong, weights[of_class], queries[of_class])


def _explain_selection(table: RatingTable, *measures: str) -> str:
    """Return why one of two measures says nothing of what the other rules out."""
    for first, second in itertools.permutations(measures):
        if second in table.ratings[first].selected_by:
            name = "the proxy" if second == PROXY else second
            return f"{first} reads only answers that {name} lets through"
    return ""
