"""Count all requests of an experiment in blocks of queries.

All cells of a block are counted before the next block, so that what its conditions share, such as a
judge's prompt, is counted once and need not be remembered for long. Blocks depend on nothing but
their queries, so several processes can count them. The ids come last, from the digests of what is
sent: only they depend on the order of all requests.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import pairwise

from estimator.errors import EstimatorError
from estimator.survey.block_counter import BlockCounter, Survey
from estimator.survey.cell_stratum import NeedsOrderError
from estimator.survey.verdict_counter import draws_answers
from estimator.workload import (
    CountedRequest,
    PlannedModel,
    StratumKey,
    StratumTally,
    Workload,
    count_workload,
    order_tallies,
)
from experiment.definition import Experiment
from experiment.errors import ExperimentError
from experiment.prompts import digest_subjects
from providers.errors import ProvidersError

_QUERIES_PER_BLOCK = 256  # a vocabulary remembers the parts of all their prompts
_JOBS_PER_BLOCK = 4096


def survey_experiment(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    on_request: Callable[[CountedRequest], None] | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    processes: int | None = None,
) -> Workload:
    """Count all requests of an experiment; none is kept.

    They are counted one after another, as by `count_workload`, where each is asked for; where one
    may be refused, so that the first one is named; and where their order decides what is counted.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        on_request: called with every request in turn.
        on_progress: called now and then with the number of requests counted, and the total.
        processes: how many may count; None for as many as pay for their start.

    Raises:
        DoesNotFit: a prompt with its `max_tokens` exceeds the model's window.
        NotTaken: a prefill ends with white space, and its model's provider would refuse that.
    """
    if on_request is None:
        survey = Survey(experiment, models)
        try:
            return _count_blocks(survey, BlockCounter(survey), on_progress, processes)
        except (NeedsOrderError, ExperimentError, EstimatorError, ProvidersError):
            pass  # counted in order, the first request that is refused is named
    return count_workload(experiment, models, on_request, on_progress)


def _count_blocks(
    survey: Survey,
    counter: BlockCounter,
    on_progress: Callable[[int, int], None],
    processes: int | None,
) -> Workload:
    from estimator.survey.processes import (  # noqa: PLC0415 - counts that are kept start none
        BlockProcesses,
        choose_process_count,
    )

    experiment, requests = survey.experiment, counter.requests
    blocks = _cut_queries(len(experiment.queries), len(requests.cells))
    if processes is None:
        processes = choose_process_count(experiment, survey.models.values())
    contents = [bytearray() for _ in requests.cells]
    tallies: list[dict[StratumKey, StratumTally]] = [{} for _ in requests.cells]
    with closing(BlockProcesses(survey, blocks, processes - 1)) as others:
        for number, block in enumerate(others.count_all(counter.count)):
            for cell, (found, tallied) in enumerate(block):
                contents[cell] += found
                _merge_tallies(tallies[cell], tallied)
            on_progress(*_measure_progress(tallies, blocks[number][1], len(experiment.queries)))
    samples, fresh = experiment.spec.samples, requests.find_fresh_cells()
    digest, repeats = digest_subjects(contents, fresh, samples)
    if repeats and draws_answers(experiment.spec.judges):
        raise NeedsOrderError
    all_tallies: dict[StratumKey, StratumTally] = {}
    for each in tallies:
        _merge_tallies(all_tallies, each)
    ordered = order_tallies(all_tallies, [judge.name for judge in experiment.spec.judges])
    return Workload(ordered, digest, counter.templates.file_digests, repeats)


def _cut_queries(queries: int, cells: int) -> list[tuple[int, int]]:
    """Return the blocks: the first query of each, and the one after its last."""
    size = max(1, min(_QUERIES_PER_BLOCK, _JOBS_PER_BLOCK // cells))
    return list(pairwise([*range(0, queries, size), queries]))


def _measure_progress(
    tallies: list[dict[StratumKey, StratumTally]], done: int, queries: int
) -> tuple[int, int]:
    """Return how many requests are counted, and how many there are by the queries done."""
    counted = sum(tally.requests for each in tallies for tally in each.values())
    return counted, counted * queries // done


def _merge_tallies(
    into: dict[StratumKey, StratumTally], more: dict[StratumKey, StratumTally]
) -> None:
    for key, tally in more.items():
        if key in into:
            into[key].add(tally)
        else:
            into[key] = tally
