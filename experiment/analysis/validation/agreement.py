"""Agreement beyond chance: Cohen's kappa of two raters, Krippendorff's alpha of any number.

Both are a few lines, and the packages that have them are not light, not maintained or under the GPL
(`krippendorff`), so they are written here; the tests hold them against nltk's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiment.analysis.validation.ratings import Floats, Integers, Mask, RatingTable

_MIN_RATERS = 2
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree beyond chance: 1 always, 0 as often as by chance.

    Attributes:
        value: None where it is not defined.
        answers: how many were rated by at least two.
        undefined: why there is no value; empty where there is one.
    """

    value: float | None
    answers: int
    undefined: str = ""


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """Krippendorff's alpha of several raters.

    Attributes:
        model: of the answers; empty over all models.
        raters: judges, the votes of one judge, or persons.
        alpha: for nominal data.
    """

    model: str
    raters: tuple[str, ...]
    alpha: Agreement


def compute_kappa(first: Mask, second: Mask, weights: Floats) -> Agreement:
    """Return Cohen's kappa of two raters (Cohen 1960, Educ. Psychol. Meas. 20:37-46).

    Args:
        first: of each answer that both rate, whether it is positive by the one.
        second: by the other.
        weights: of these answers.
    """
    n, total = len(weights), float(weights.sum())
    if not n:
        return Agreement(None, 0, "no answer is rated by both")
    agreed = float(weights[first == second].sum()) / total
    p, q = float(weights[first].sum()) / total, float(weights[second].sum()) / total
    by_chance = p * q + (1 - p) * (1 - q)
    if 1 - by_chance < 1e-12:  # noqa: PLR2004 - both are constant
        return Agreement(None, n, _say_constant(n, is_positive=bool(first[0])))
    return Agreement((agreed - by_chance) / (1 - by_chance), n)


def compute_alpha(positive: Floats, raters: Integers, weights: Floats) -> Agreement:
    """Return Krippendorff's alpha for labels of two kinds (Krippendorff 2011).

    https://repository.upenn.edu/asc_papers/43, in the form for nominal data: each answer's ratings
    are paired with each other, and each pair counts 1 / (raters - 1).

    Args:
        positive: of each answer, how many ratings are positive.
        raters: of each answer, how many ratings there are.
        weights: of each answer, in the mean 1.
    """
    m = raters.astype(np.float64)
    per_pair = weights / np.maximum(m - 1, 1)
    return _compare_pairs(
        raters,
        unlike=positive * (m - positive) * per_pair,
        positive=positive * (m - 1) * per_pair,
        every=m * (m - 1) * per_pair,
    )


def _compare_pairs(raters: Integers, unlike: Floats, positive: Floats, every: Floats) -> Agreement:
    """Return alpha by pairs of ratings, which may have weights.

    Args:
        raters: of each answer, how many ratings there are.
        unlike: of each answer, how many pairs differ.
        positive: how many ratings in pairs are positive.
        every: how many ratings in pairs there are.
    """
    paired = raters >= _MIN_RATERS
    n = int(paired.sum())
    if not n:
        return Agreement(None, 0, "no answer is rated by two")
    differing, ones, all_ = (float(each[paired].sum()) for each in (unlike, positive, every))
    if ones <= _ROUNDING * all_ or ones >= (1 - _ROUNDING) * all_:
        return Agreement(None, n, _say_constant(n, is_positive=ones > _ROUNDING * all_))
    scale = float(raters[paired].sum()) / all_  # as many ratings as there are
    differing, ones, all_ = differing * scale, ones * scale, all_ * scale
    return Agreement(1 - differing * (all_ - 1) / (ones * (all_ - ones)), n)


def compare_raters(table: RatingTable, measures: Sequence[str]) -> list[GroupAgreement]:
    """Return the alpha of several judges, for each model and over all.

    Judges that read a share of some answers draw for themselves, by a digest of the request and of
    the judge's name. So two have both drawn an answer with the chance of the one draw times that of
    the other, and a pair of ratings has the product of their weights (Horvitz and Thompson 1952).
    Summed so, the pairs of the answers that were drawn stand for those of all.

    Args:
        table: of all answers, of which texts count that a judge reads itself.
        measures: judges that say the same of an answer.
    """
    given = [table.ratings[name] for name in measures]
    rated = np.array([each.is_own for each in given])
    positive = np.array([each.is_positive for each in given]) & rated
    weights = np.where(rated, np.array([each.weights for each in given]), 0.0)
    would_rate = rated | np.array([~each.is_rated & (each.weights == 0) for each in given])
    ones, every = np.where(positive, weights, 0.0), weights.sum(axis=0)
    each_once = np.maximum(would_rate.sum(axis=0) - 1, 1)
    unlike = ones.sum(axis=0) * (every - ones.sum(axis=0)) / each_once
    pairs = (every**2 - (weights**2).sum(axis=0)) / each_once
    in_pairs = (ones * (every - weights)).sum(axis=0) / each_once
    return [
        GroupAgreement(
            model,
            tuple(measures),
            _compare_pairs(rated.sum(axis=0)[where], unlike[where], in_pairs[where], pairs[where]),
        )
        for model, where in list_models(table)
    ]


def compare_votes(table: RatingTable, measure: str) -> list[GroupAgreement]:
    """Return the alpha of a judge's votes, for each model and over all; none where all are single.

    Args:
        table: of all answers, of which texts count.
        measure: the judge.
    """
    rating = table.ratings[measure]
    counts = rating.votes * np.nan_to_num(rating.shares)
    whole = np.isclose(counts, np.round(counts), atol=1e-6)  # a graded vote is no label
    if not (rating.votes >= _MIN_RATERS).any() or not whole.all():
        return []
    return [
        GroupAgreement(
            model,
            (f"{measure}'s votes",),
            compute_alpha(np.round(counts[where]), rating.votes[where], rating.weights[where]),
        )
        for model, where in list_models(table)
    ]


def list_models(table: RatingTable) -> list[tuple[str, Mask]]:
    """Return the texts of each model, and those of all; the name of all is empty."""
    each = [(name, table.is_text & (table.model == at)) for at, name in enumerate(table.models)]
    return [*each, ("", table.is_text)] if len(each) > 1 else each


def _say_constant(answers: int, *, is_positive: bool) -> str:
    label = "positive" if is_positive else "negative"
    return f"every rating of the {answers:,} answers is {label}, so chance explains all agreement"
