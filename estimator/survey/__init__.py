"""Count all requests of an experiment in blocks of queries, on all cores where that pays."""

from estimator.survey.survey import survey_experiment

__all__ = ["survey_experiment"]
