"""A sequential test: looks at a gap while a run goes on, with bounds that allow for all of them."""

from experiment.analysis.sequential.bounds import convert_bound, find_bounds, find_expected_share
from experiment.analysis.sequential.description import describe_sequential
from experiment.analysis.sequential.looks import Look, SequentialDesign, take_looks

__all__ = [
    "Look",
    "SequentialDesign",
    "convert_bound",
    "describe_sequential",
    "find_bounds",
    "find_expected_share",
    "take_looks",
]
