"""Done jobs: those of a long ledger of which nothing is left, found without reading their texts.

What is left of a job follows from its texts: who reads an answer, and what its verdicts are called.
But where all of a ledger was asked for by one plan's work, each request was sent once and is
answered, and there are as many verdicts as the judges could ever give, nothing can be left. Only
such jobs are found here; of all others the texts are read when they are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from experiment.definition import Selection
from experiment.prompts import KnownVerdicts, RequestBuilder
from runner.execution.queues.earlier_answers import AttemptSource, read_histories
from runner.ledger import ResumeQueries, WholeJob


def find_done_places(requests: RequestBuilder, seed: str, ledger: ResumeQueries) -> bytearray:
    """Return, by place in the order of work, 1 for jobs of which nothing is left, else 0.

    Empty where none is known to be done. Of each cell one is looked at with its texts: what a
    version of this program would ask otherwise, it would ask otherwise of all of them.

    Args:
        requests: of the plan.
        seed: of the order of work.
        ledger: with the work of this plan as the newest.
    """
    if len(ledger.works()) != 1 or requests.experiment.spec.answer.turns > 1:
        return bytearray()
    done, first = bytearray(requests.subject_count), dict[int, int]()
    for place in _find_whole(requests, seed, ledger):
        done[place] = 1
        first.setdefault(place % len(requests.cells), place)
    places = list(first.values())
    is_so = all(_has_nothing_left(requests, seed, place, ledger) for place in places)
    return done if places and is_so else bytearray()


def _find_whole(requests: RequestBuilder, seed: str, ledger: ResumeQueries) -> Iterator[int]:
    count_verdicts = _make_counter(requests)
    cells = {(model, each.name): cell for cell, (model, each) in enumerate(requests.cells)}
    for job in ledger.whole_jobs():
        cell = cells.get((job.model, job.condition))
        if cell is None or job.verdicts != count_verdicts(job):
            continue
        place = requests.find_place(seed, cell, job.query, job.sample)
        if place is not None:
            yield place


def _make_counter(requests: RequestBuilder) -> Callable[[WholeJob], int]:
    """Return what counts the verdicts that a job has at most."""

    def count(condition: str, job: str) -> int:
        readers = requests.find_possible_readers(requests.find_condition(condition), job)
        return sum(judge.samples for judge, _ in readers)

    judges = requests.experiment.spec.judges
    if any(isinstance(each.when, Selection) and each.when.rest is not None for each in judges):
        return lambda job: count(job.condition, job.job)  # it draws answers by their ids
    count_alike = cache(lambda condition: count(condition, ""))
    return lambda job: count_alike(job.condition)


def _has_nothing_left(
    requests: RequestBuilder, seed: str, place: int, source: AttemptSource
) -> bool:
    subject = requests.request_at(seed, place)
    answered = read_histories(source, requests, [subject.id])[subject.id].answered
    turns = requests.follow_turns(subject, answered)
    if turns.completion is None or turns.next is not None:
        return False
    answer = requests.read_subject_answer(subject, turns.completion)
    known = KnownVerdicts(answered)
    judges = requests.build_judge_requests(subject, answer, known, foresees=True)
    return all(each.id in answered for each in judges)
