"""Correction: rates and gaps freed of a judge's error, as labels show it (Rogan and Gladen 1978).

A rate p that a judge sees is p = true x sensitivity + (1 - true) x (1 - specificity), so

    true = (p + specificity - 1) / (sensitivity + specificity - 1)

(Am. J. Epidemiol. 107:71-76), as long as the judge errs alike at both levels. What no judge has
rated, such as a refusal through the API that counts as one, is kept as it is.

The variance is by the delta method, as in Lang and Reiczigel 2014 (Prev. Vet. Med. 113:13-22), with
two differences: answers to one query are alike, so everything is summed by query first, and the
labels are of these same answers, so their part is added before it is squared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiment.analysis.validation.intervals import estimate_mean_variance, find_t_quantile
from experiment.analysis.validation.judge_error import ErrorModel, sum_squares
from experiment.analysis.validation.ratings import Floats, Mask, Rating, RatingTable
from experiment.analysis.validation.result_sensitivity import number_pairs, subtract_levels


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """The rate at one level: as the judge sees it, and corrected, with its 95 % interval.

    `estimate`, `low` and `high` are None where nothing can be corrected; all are held between 0
    and 1. `is_beyond` says that the estimate was not.
    """

    level: str
    observed: float | None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    is_beyond: bool = False


@dataclass(frozen=True, slots=True)
class CorrectedGap:
    """The first level minus the second over `pairs` queries: observed, and corrected.

    `estimate` may lie outside of -1 to 1, which `is_beyond` says: to hold it there would make it
    right no longer on average. `low` and `high`, the 95 % interval, are held between -1 and 1.
    """

    between: tuple[str, str]
    pairs: int
    observed: float | None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    is_beyond: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """One model in one cell of the factors that are not compared, corrected for a judge's error.

    Attributes:
        model, within: of the answers.
        measure: the judge, or `proxy`.
        error_of: whose labels say how it errs: this model's; empty for those of all models.
        rates: of each level.
        gaps: between the levels.
        reason: why nothing is corrected; empty where it is.
    """

    model: str
    within: str
    measure: str
    error_of: str
    rates: tuple[CorrectedRate, ...]
    gaps: tuple[CorrectedGap, ...]
    reason: str = ""


def correct_result(
    table: RatingTable, measure: str, errors: Mapping[str, ErrorModel]
) -> tuple[Correction, ...]:
    """Correct the rates and gaps of each model and cell.

    Args:
        table: of all answers.
        measure: the judge, or `proxy`.
        errors: model -> its error; that of all models at the empty name.
    """
    found = []
    for at, model in enumerate(table.models):
        own = errors.get(model)
        name = model if own is not None and not own.error.unusable else ""
        for cell, within in enumerate(table.cells):
            where = (table.model == at) & (table.cell == cell)
            found.append(_correct(table, where, (model, within, measure, name), errors[name]))
    return tuple(found)


def explain_uncorrectable(error: ErrorModel) -> str:
    """Return why nothing can be corrected by a judge's error; empty where it can."""
    if error.error.unusable:
        return error.error.unusable
    power = error.sensitivity + error.specificity - 1
    if power <= 0:
        return (
            f"sensitivity + specificity = {power + 1:.2f}: this judge tells positive from negative "
            "answers no better than chance, so its rates say nothing of the true ones"
        )
    variance = sum_squares(error.influence_1 + error.influence_0) + error.added_1 + error.added_0
    labels = error.error.labels
    if power <= find_t_quantile(max(labels - 1, 1)) * variance**0.5:
        return (
            f"sensitivity + specificity = {power + 1:.2f}, by {labels:,} labels not surely above "
            "1: label more answers"
        )
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class _Rated:
    """All answers with their corrected values.

    Attributes:
        table: of the answers.
        rating: what the judge says of them.
        values: corrected; as they are where `error` is None.
        is_judged: where a value is the judge's, and not what the answer's kind counts as.
        error: by which it is corrected; None where nothing can be.
    """

    table: RatingTable
    rating: Rating
    values: Floats
    is_judged: Mask
    error: ErrorModel | None


def _correct(
    table: RatingTable, where: Mask, named: tuple[str, str, str, str], error: ErrorModel
) -> Correction:
    rating, reason = table.ratings[named[2]], explain_uncorrectable(error)
    is_judged = rating.is_rated & (table.is_text | (rating.votes > 0))
    rated = _Rated(table, rating, rating.values, is_judged, None)
    if not reason:
        power = error.sensitivity + error.specificity - 1
        corrected = (rating.values + error.specificity - 1) / power
        rated = _Rated(
            table, rating, np.where(is_judged, corrected, rating.values), is_judged, error
        )
    levels = range(len(table.levels))
    rates = [_correct_rate(rated, where & (table.level == at), table.levels[at]) for at in levels]
    gaps = [_correct_gap(rated, where, pair) for pair in number_pairs(table.levels)]
    return Correction(*named, tuple(rates), tuple(gaps), reason)


def _correct_rate(rated: _Rated, where: Mask, level: str) -> CorrectedRate:
    table, rating = rated.table, rated.rating
    valued = where & rating.is_rated
    counts = _sum_by_query(table, where & (rating.is_rated | (rating.weights == 0)), None)
    n = float(counts.sum())
    if not valued.any():
        return CorrectedRate(level, None)
    observed = min(float((rating.values * rating.weights)[valued].sum()) / n, 1.0)
    if rated.error is None:
        return CorrectedRate(level, observed)
    weighted = rated.values * rating.weights
    sums, judged = _sum_by_query(table, valued, weighted), valued & rated.is_judged
    estimate = float(sums.sum()) / n
    slopes = float(weighted[judged].sum()) / n, float(rating.weights[judged].sum()) / n
    variance = _find_variance((sums - counts * estimate) / n, *slopes, rated.error)
    half = find_t_quantile(max(int((counts > 0).sum()) - 1, 1)) * variance**0.5
    held = min(max(estimate, 0.0), 1.0)
    low, high = min(max(estimate - half, 0.0), 1.0), max(min(estimate + half, 1.0), 0.0)
    return CorrectedRate(level, observed, held, low, high, is_beyond=held != estimate)


def _correct_gap(rated: _Rated, where: Mask, pair: tuple[int, int]) -> CorrectedGap:
    table, weights = rated.table, rated.rating.weights
    between = table.levels[pair[0]], table.levels[pair[1]]
    seen, both = subtract_levels(table, where, pair, rated.rating.values, weights)
    n = len(seen)
    if not n:
        return CorrectedGap(between, 0, None)
    if rated.error is None:
        return CorrectedGap(between, n, float(seen.mean()))
    differences, _ = subtract_levels(table, where, pair, rated.values, weights)
    estimate = float(differences.mean())
    is_beyond = abs(estimate) > 1
    if n == 1:
        return CorrectedGap(between, n, float(seen.mean()), estimate, is_beyond=is_beyond)
    own = np.zeros(table.queries)
    own[both] = (differences - estimate) / n
    variance = _find_variance(own, *_find_slopes(rated, where, pair), rated.error)
    if np.isclose(differences.max(), differences.min(), atol=1e-9):
        variance += estimate_mean_variance(differences)
    half = find_t_quantile(n - 1) * variance**0.5
    low, high = (max(-1.0, min(each, 1.0)) for each in (estimate - half, estimate + half))
    return CorrectedGap(between, n, float(seen.mean()), estimate, low, high, is_beyond)


def _find_slopes(rated: _Rated, where: Mask, pair: tuple[int, int]) -> tuple[float, float]:
    """Return the parts of a gap that are of judged answers: of their values, of their share."""
    is_rated, weights = rated.rating.is_rated, rated.rating.weights
    of_judged = np.where(is_rated, np.where(rated.is_judged, rated.values, 0.0), np.nan)
    share = np.where(is_rated, rated.is_judged.astype(np.float64), np.nan)
    values, _ = subtract_levels(rated.table, where, pair, of_judged, weights)
    shares, _ = subtract_levels(rated.table, where, pair, share, weights)
    return float(values.mean()), float(shares.mean())


def _find_variance(own: Floats, corrected: float, share: float, error: ErrorModel) -> float:
    """Return the variance of a corrected mean.

    Args:
        own: the influence of each query on it, with the judge's error as if it were known.
        corrected: the part of the mean that is of judged answers. A sensitivity that is higher by x
            lowers it by x times that, divided by sensitivity + specificity - 1.
        share: of judged answers. A specificity that is higher by x raises the mean by x times
            (share - corrected), divided by the same.
        error: as the labels show it.
    """
    power = error.sensitivity + error.specificity - 1
    slope_1, slope_0 = -corrected / power, (share - corrected) / power
    total = own + slope_1 * error.influence_1 + slope_0 * error.influence_0
    return sum_squares(total) + slope_1**2 * error.added_1 + slope_0**2 * error.added_0


def _sum_by_query(table: RatingTable, where: Mask, values: Floats | None) -> Floats:
    given = None if values is None else values[where]
    return np.bincount(table.query[where], given, table.queries).astype(np.float64)
