"""Count all requests of an experiment in blocks of queries, on all cores where that pays.

Reading order: `survey` (all of them), `block_counter` (a block in each cell), `cell_counter` (one
cell), `verdict_counter` (its judges), `cell_stratum` (what requests have in common), `processes`
(that count blocks, each by `process_main`).
"""

from estimator.survey.survey import survey_experiment

__all__ = ["survey_experiment"]
