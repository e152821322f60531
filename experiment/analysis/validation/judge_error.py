"""A judge's error against labels: sensitivity and specificity, weighted back to all answers.

The labels are a second draw out of the answers that the judge rates, at random within strata. So an
answer with a label stands for N / n answers, of a stratum with N answers and n labels. How much an
estimate moves with each query (its influence) is summed over the query's answers, those with a
label and those without, because answers to one query are alike; the spread of these sums is the
variance (linearisation for two-phase samples: Sarndal, Swensson and Wretman 1992, chapter 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.analysis.clustered_rate import Rate
from experiment.analysis.validation.intervals import bound_rate
from experiment.analysis.validation.label_sample import list_strata
from experiment.analysis.validation.labels import LabelSample, Stratum, Truth
from experiment.analysis.validation.ratings import Floats, Integers, Mask, RatingTable

MIN_LABELS = 10  # of answers that are positive, and of those that are not


@dataclass(frozen=True, slots=True)
class JudgeError:
    """A measure against labels.

    Attributes:
        measure: a judge, or `proxy`.
        model: of the answers; empty over all models.
        true_positives, false_negatives, false_positives, true_negatives: how many labelled answers.
        sensitivity: the share of positive answers that it calls positive; where its value is a
            share of votes, the mean of that.
        specificity: the same of negative answers.
        unusable: why nothing can be corrected by it; empty where it can.
    """

    measure: str
    model: str
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    sensitivity: Rate
    specificity: Rate
    unusable: str = ""

    @property
    def labels(self) -> int:
        """How many labelled answers it rates."""
        return (
            self.true_positives + self.false_negatives + self.false_positives + self.true_negatives
        )


@dataclass(frozen=True, slots=True, eq=False)
class ErrorModel:
    """A judge's error with all that its spread is made of.

    Attributes:
        error: for people.
        sensitivity, specificity: as estimated; nan where they cannot be.
        influence_1, influence_0: of each query, on the one and the other.
        added_1, added_0: variance that the labels cannot show because they show no error.
    """

    error: JudgeError
    sensitivity: float
    specificity: float
    influence_1: Floats
    influence_0: Floats
    added_1: float
    added_0: float


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """The answers that a measure rates, and those of them that have labels.

    Attributes:
        pool: where an answer is rated and could be drawn.
        stratum: of each answer; -1 outside of the pool.
        has_label, is_positive: of each answer.
        own_weights: how many answers each stands for because the judge read only some of them.
        weights: for how many each label stands; 0 where there is none.
    """

    pool: Mask
    stratum: Integers
    has_label: Mask
    is_positive: Mask
    own_weights: Floats
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LabelColumns:
    """What persons say of each answer, and the stratum that it is drawn from.

    Attributes:
        has_label, is_positive: of each answer.
        stratum: its number; -1 for an answer that could not be drawn.
    """

    has_label: Mask
    is_positive: Mask
    stratum: Integers


def tabulate_labels(table: RatingTable, truth: Truth, strata: Sequence[Stratum]) -> LabelColumns:
    """Tabulate labels beside the answers of a table."""
    names = {request: at for at, each in enumerate(strata) for request in each.requests}
    given = truth.positive
    return LabelColumns(
        np.array([request in given for request in table.requests], dtype=np.bool_),
        np.array([given.get(request, False) for request in table.requests], dtype=np.bool_),
        np.array([names.get(request, -1) for request in table.requests], dtype=np.int64),
    )


def measure_error(
    table: RatingTable, measure: str, labels: LabelColumns, model: str = ""
) -> ErrorModel:
    """Measure how often a judge errs, by labels.

    Args:
        table: of all answers.
        measure: a judge, or `proxy`.
        labels: of them.
        model: whose answers; empty for all.
    """
    found = _match_labels(table, measure, labels, model)
    values, drawn = table.ratings[measure].values, found.has_label
    positive, negative = drawn & found.is_positive, drawn & ~found.is_positive
    said = table.ratings[measure].is_positive
    correct = np.nan_to_num(values)
    rate_1, influence_1, added_1 = _estimate(table, found, positive, correct)
    rate_0, influence_0, added_0 = _estimate(table, found, negative, 1 - correct)
    error = JudgeError(
        measure,
        model,
        true_positives=int((positive & said).sum()),
        false_negatives=int((positive & ~said).sum()),
        false_positives=int((negative & said).sum()),
        true_negatives=int((negative & ~said).sum()),
        sensitivity=_describe(rate_1, influence_1, added_1, positive & said, positive),
        specificity=_describe(rate_0, influence_0, added_0, negative & ~said, negative),
        unusable=_explain_unusable(table, found),
    )
    return ErrorModel(error, rate_1, rate_0, influence_1, influence_0, added_1, added_0)


def _match_labels(table: RatingTable, measure: str, labels: LabelColumns, model: str) -> _Labelled:
    rating = table.ratings[measure]
    pool = table.is_text & rating.is_rated & (rating.weights > 0) & (labels.stratum >= 0)
    if model:
        pool &= table.model == table.models.index(model)
    stratum = np.where(pool, labels.stratum, -1)
    has_label = pool & labels.has_label
    weights = rating.weights * _weigh_back(stratum, has_label)
    return _Labelled(pool, stratum, has_label, labels.is_positive, rating.weights, weights)


def _weigh_back(stratum: Integers, has_label: Mask) -> Floats:
    """Return how many answers of its stratum each label stands for; 0 where there is none."""
    strata = int(stratum.max(initial=-1)) + 1
    if not strata:
        return np.zeros(len(stratum))
    sizes = np.bincount(stratum[stratum >= 0], minlength=strata)
    labels = np.bincount(stratum[has_label], minlength=strata)
    each = np.divide(sizes, labels, out=np.zeros(strata), where=labels > 0)
    return np.where(has_label, each[stratum], 0.0)


def _estimate(
    table: RatingTable, found: _Labelled, of_class: Mask, correct: Floats
) -> tuple[float, Floats, float]:
    """Return the rate of correct verdicts of a class, its influence by query, and added variance.

    Where the labels show no error at all, the variance is that of one error among two answers more
    (Lang and Reiczigel 2014, Prev. Vet. Med. 113:13-22, after Agresti and Coull).
    """
    total = float(found.weights[of_class].sum())
    if not total:
        return float("nan"), np.zeros(table.queries), 0.0
    rate = float((found.weights * correct)[of_class].sum()) / total
    own = np.where(of_class, found.own_weights * (correct - rate) / total, 0.0)
    influence = _sum_influence(table, found, own)
    if 0 < rate < 1:
        return rate, influence, 0.0
    n = total**2 / float((found.weights[of_class] ** 2).sum())
    adjusted = (n * rate + 1) / (n + 2)
    return rate, influence, adjusted * (1 - adjusted) / (n + 2)


def _sum_influence(table: RatingTable, found: _Labelled, own: Floats) -> Floats:
    """Return the influence of each query.

    Every answer of a stratum has the mean influence of its labels; a label has, for all that it
    stands for, how far its own differs from that. Of a stratum with a single label nothing is known
    of how labels differ, so that its whole influence counts as such a difference.
    """
    total = np.zeros(table.queries)
    for at in range(int(found.stratum.max(initial=-1)) + 1):
        inside = found.stratum == at
        labelled = inside & found.has_label
        n = int(labelled.sum())
        if not n:
            continue
        mean = float(own[labelled].mean()) if n > 1 else 0.0
        each = int(inside.sum()) / n * (n / max(n - 1, 1)) ** 0.5
        total += mean * np.bincount(table.query[inside], minlength=table.queries)
        total += np.bincount(
            table.query[labelled], each * (own[labelled] - mean), minlength=table.queries
        )
    return total


def sum_squares(influence: Floats) -> float:
    """Return the variance that the influences of queries make."""
    n = max(int((influence != 0).sum()), 2)
    return float((influence**2).sum()) * n / (n - 1)


def _describe(rate: float, influence: Floats, added: float, correct: Mask, of_class: Mask) -> Rate:
    count, of = int(correct.sum()), int(of_class.sum())
    if not of:
        return Rate(None, None, None)
    variance = sum_squares(influence)
    effective = rate * (1 - rate) / variance if variance > 0 and not added else float(of)
    return Rate(rate, *bound_rate(rate, max(effective, 1.0)), count, of)


def _explain_unusable(table: RatingTable, found: _Labelled) -> str:
    """Return why the labels are too few; empty where they are not."""
    n = int(found.has_label.sum())
    positive = int((found.has_label & found.is_positive).sum())
    if min(positive, n - positive) < MIN_LABELS:
        return (
            f"too few labels: {positive:,} positive and {n - positive:,} negative, "
            f"at least {MIN_LABELS} of each are needed"
        )
    models = set(table.model[found.has_label].tolist())
    for at in range(int(found.stratum.max(initial=-1)) + 1):
        inside = found.pool & (found.stratum == at)
        if inside.any() and not found.has_label[inside].any():
            first = int(np.flatnonzero(inside)[0])
            if int(table.model[first]) in models:
                return (
                    f"none of {int(inside.sum()):,} answers of {table.models[table.model[first]]} "
                    "with the same verdict has a label; label some of them"
                )
    return ""


def measure_errors(
    table: RatingTable, measures: Iterable[str], truth: Truth, sample: LabelSample | None
) -> Mapping[str, dict[str, ErrorModel]]:
    """Measure the error of several measures: measure -> model -> error; the model of all is empty.

    A model is among them where it has labels; with one model, it is all.

    Args:
        table: of all answers.
        measures: judges, and `proxy`.
        truth: what persons say.
        sample: from which the answers were drawn; without it, they are taken to be drawn at random
            from each model's positive and negative answers by the measure.
    """
    shared = None if sample is None else tabulate_labels(table, truth, sample.strata)
    found = {}
    for measure in measures:
        labels = shared or tabulate_labels(table, truth, list_strata(table, measure))
        errors = {"": measure_error(table, measure, labels)}
        for model in table.models if len(table.models) > 1 else ():
            own = measure_error(table, measure, labels, model)
            if own.error.labels:
                errors[model] = own
        found[measure] = errors
    return found
