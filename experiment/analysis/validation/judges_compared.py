"""Judges compared: with each other, and with what persons say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np

from experiment.analysis.clustered_rate import Rate
from experiment.analysis.observation import Observation
from experiment.analysis.outcomes import find_outcome
from experiment.analysis.validation.agreement import (
    GroupAgreement,
    compare_raters,
    compare_votes,
    compute_alpha,
)
from experiment.analysis.validation.confusion import Confusion, compare_measures
from experiment.analysis.validation.correction import Correction, correct_result
from experiment.analysis.validation.judge_error import JudgeError, measure_errors
from experiment.analysis.validation.labels import (
    LabelSample,
    LabelSet,
    choose_sample,
    combine_labels,
)
from experiment.analysis.validation.meanings import group_measures, list_alike
from experiment.analysis.validation.ratings import RatingTable, tabulate_ratings
from experiment.analysis.validation.result_sensitivity import MeasuredGap, vary_measure
from experiment.definition import PROXY, ExperimentSpec
from experiment.errors import BadLabels


@dataclass(frozen=True, slots=True)
class LabelledError:
    """The judges against labels, and the result corrected by them.

    Attributes:
        meaning: what a positive label says of an answer, such as `compliance`.
        raters: the persons; an empty name where none is given.
        labels: how many answers have one.
        tied: of how many persons disagree evenly, so that they are left out.
        agreement: Krippendorff's alpha of the persons; None with one.
        errors: of each measure that says the same, over all and for each model.
        corrections: of the result by each of these measures.
        remarks: what a reader must know of the labels.
    """

    meaning: str
    raters: tuple[str, ...]
    labels: int
    tied: int
    agreement: GroupAgreement | None
    errors: tuple[JudgeError, ...]
    corrections: tuple[Correction, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgesCompared:
    """How far the judges can be trusted.

    Attributes:
        confusion: each measure against each other one that says the same.
        agreement: of several judges, and of the votes of one.
        sensitivity: the gap by each measure and threshold.
        labelled: the judges against labels; None without labels.
    """

    confusion: tuple[Confusion, ...]
    agreement: tuple[GroupAgreement, ...]
    sensitivity: tuple[MeasuredGap, ...]
    labelled: LabelledError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, in which the estimate of a rate is its `rate` too."""
        return asdict(self, dict_factory=_name_rate)


def _name_rate(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    is_rate = fields.keys() == {field.name for field in dataclass_fields(Rate)}
    return fields | {"rate": fields["estimate"]} if is_rate else fields


def compare_judges(
    spec: ExperimentSpec,
    observations: Iterable[Observation],
    *,
    measure: str,
    compared: str | None,
    labels: LabelSet | None = None,
) -> JudgesCompared:
    """Compare the judges of an experiment with each other, and with labels if there are any.

    Args:
        spec: of the experiment.
        observations: its answers.
        measure: by which the result is measured.
        compared: the factor whose levels are compared; None without factors.
        labels: what persons say of some answers.

    Raises:
        BadLabels: labels are of other answers, or contradict each other.
    """
    table = tabulate_ratings(spec, observations, compared)
    groups = group_measures(spec, measure)
    judges = [judge.name for judge in spec.judges]
    several = [[name for name in names if name != PROXY] for names in groups.values()]
    return JudgesCompared(
        confusion=tuple(
            each for names in groups.values() for each in compare_measures(table, names)
        ),
        agreement=(
            *(each for names in several if len(names) > 1 for each in compare_raters(table, names)),
            *(each for name in judges for each in compare_votes(table, name)),
        ),
        sensitivity=tuple(vary_measure(table, [*judges, PROXY])),
        labelled=None if labels is None else _hold_against(spec, table, measure, labels),
    )


def _hold_against(
    spec: ExperimentSpec, table: RatingTable, measure: str, labels: LabelSet
) -> LabelledError:
    truth = combine_labels(labels.labels, set(table.requests), labels.run)
    if not truth.positive:
        raise BadLabels(
            f"no answer of {labels.run} has a label; fill in the column `label` with yes or no"
        )
    sample = choose_sample(labels.samples, {label.request for label in labels.labels})
    meaning = find_outcome(spec, sample.judge if sample else measure)
    alike = sorted(list_alike(spec, meaning), key=lambda name: name != measure)
    errors = measure_errors(table, alike, truth, sample)
    raters = labels.raters
    return LabelledError(
        meaning,
        tuple(raters),
        labels=len(truth.positive),
        tied=truth.tied,
        agreement=_compare_persons(labels) if len(raters) > 1 else None,
        errors=tuple(each.error for found in errors.values() for each in found.values()),
        corrections=tuple(
            each for name in alike for each in correct_result(table, name, errors[name])
        ),
        remarks=(*labels.remarks, *_describe_draw(sample)),
    )


def _compare_persons(labels: LabelSet) -> GroupAgreement:
    """Return the alpha of persons; of several labels of one person for an answer, they are one."""
    given = {(each.request, each.rater): each.is_positive for each in labels.labels}
    requests = list(dict.fromkeys(request for request, _ in given))
    places = {request: place for place, request in enumerate(requests)}
    raters, positive = np.zeros(len(requests), np.int64), np.zeros(len(requests))
    for (request, _), is_positive in given.items():
        raters[places[request]] += 1
        positive[places[request]] += is_positive
    alpha = compute_alpha(positive, raters, np.ones(len(requests)))
    return GroupAgreement("", tuple(labels.raters), alpha)


def _describe_draw(sample: LabelSample | None) -> list[str]:
    if sample is not None:
        return []
    unknown = (
        "the run holds no record of how these answers were drawn, so they are taken to be drawn at "
        "random from each model's positive and negative answers"
    )
    return [unknown]
