"""How far judges can be trusted: against each other, and against what persons say."""

from experiment.analysis.validation.agreement import Agreement, GroupAgreement
from experiment.analysis.validation.confusion import Confusion
from experiment.analysis.validation.correction import CorrectedGap, CorrectedRate, Correction
from experiment.analysis.validation.judge_error import MIN_LABELS, JudgeError
from experiment.analysis.validation.judges_compared import (
    JudgesCompared,
    LabelledError,
    compare_judges,
)
from experiment.analysis.validation.label_sample import draw_sample, list_strata
from experiment.analysis.validation.labels import Label, LabelSample, LabelSet, Stratum
from experiment.analysis.validation.ratings import RatingTable, tabulate_ratings
from experiment.analysis.validation.result_sensitivity import MeasuredGap

__all__ = [
    "MIN_LABELS",
    "Agreement",
    "Confusion",
    "CorrectedGap",
    "CorrectedRate",
    "Correction",
    "GroupAgreement",
    "JudgeError",
    "JudgesCompared",
    "Label",
    "LabelSample",
    "LabelSet",
    "LabelledError",
    "MeasuredGap",
    "RatingTable",
    "Stratum",
    "compare_judges",
    "draw_sample",
    "list_strata",
    "tabulate_ratings",
]
