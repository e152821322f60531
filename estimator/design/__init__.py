"""Design: queries x samples for a budget, and the gap that they can show."""

from estimator.design.alternatives import Alternative
from estimator.design.choice import MOST_SAMPLES, Design
from estimator.design.curves import Curve
from estimator.design.outcomes import (
    ASSUMED,
    Outcomes,
    assume_rates,
    measure_cells,
    measure_outcomes,
)
from estimator.design.power import GapVariance, find_detectable_gap, find_floor
from estimator.design.reach import Reach, find_reach
from estimator.design.study_design import USEFUL_GAP, Question, StudyDesign, design_study
from estimator.design.table import Choice, Row, Wish
from estimator.design.written_design import write_design

__all__ = [
    "ASSUMED",
    "MOST_SAMPLES",
    "USEFUL_GAP",
    "Alternative",
    "Choice",
    "Curve",
    "Design",
    "GapVariance",
    "Outcomes",
    "Question",
    "Reach",
    "Row",
    "StudyDesign",
    "Wish",
    "assume_rates",
    "design_study",
    "find_detectable_gap",
    "find_floor",
    "find_reach",
    "measure_cells",
    "measure_outcomes",
    "write_design",
]
