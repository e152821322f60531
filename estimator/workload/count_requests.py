"""The survey: every request of an experiment counted, and checked against its window.

One pass over the requests, nothing kept but the tallies of the strata. A judge reads what the
subject will write, so its prompt is counted with an empty answer, and the tally remembers whose
answers it carries; `forecast` adds their expected length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from estimator.errors import DoesNotFit
from estimator.workload.judge_prompts import judge_bound, uses_of_answer
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import Counted, Key, Survey, Tally
from experiment.definition.experiment import Experiment
from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests

_NOW_AND_THEN = 500


def survey(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    each: Callable[[Counted], None] | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Survey:
    """Count all requests of an experiment, one after another; none is kept.

    Args:
        experiment: what is measured.
        models: every model's written name -> what it is.
        each: is called with every request in turn.
        progress: is called every now and then with how many subject requests are counted, of how
            many.

    Raises:
        DoesNotFit: a prompt with its `max_tokens` exceeds the model's window.
    """
    requests = Requests(experiment, lambda name: models[name].prefill)
    uses = uses_of_answer(requests, next(requests.subjects()))
    tallies: dict[Key, Tally] = {}
    digest = hashlib.sha256()
    in_all = len(list(requests.cells())) * len(experiment.queries) * experiment.spec.samples
    for number, subject in enumerate(requests.subjects()):
        if number % _NOW_AND_THEN == 0:
            progress(number, in_all)
        digest.update(subject.id.encode())
        for counted in _job(requests, subject, models, uses):
            _add(tallies, counted)
            if each is not None:
                each(counted)
    return Survey(tallies, digest.hexdigest(), requests.templates.files)


def _job(
    requests: Requests,
    subject: Request,
    models: dict[str, PlannedModel],
    uses: dict[str, tuple[int, int]],
) -> Iterator[Counted]:
    model = models[subject.model]
    count = model.tokenizer.count(subject.messages)
    _check_window(subject, count.bound, model)
    yield Counted(subject, count, count.bound)
    for request in requests.judges(subject, None):
        judge = models[request.model]
        blank = judge.tokenizer.count(request.messages)
        carried = max(uses[request.stage])
        bound = judge_bound(blank, carried, judge, subject, model)
        _check_window(request, bound, judge)
        carries = (subject.stage, subject.model, subject.condition)
        yield Counted(request, blank, bound, carries, subject.max_tokens, uses[request.stage])


def _add(tallies: dict[Key, Tally], counted: Counted) -> None:
    tally = tallies.setdefault(counted.key, Tally())
    tally.requests += 1
    tally.input_tokens += counted.count.tokens
    tally.max_tokens = counted.request.max_tokens
    tally.bounds[counted.bound] += 1
    tally.uses = counted.uses
    if counted.carries is not None:
        tally.carried[counted.carries] = tally.carried.get(counted.carries, 0) + 1


def _check_window(request: Request, prompt: int, model: PlannedModel) -> None:
    if model.window is None or prompt + request.max_tokens <= model.window:
        return
    raise DoesNotFit(
        f"{request.stage} request of condition {request.condition}, query {request.query}: "
        f"a prompt of {prompt:,} tokens with max_tokens {request.max_tokens:,} exceeds the context "
        f"window of {model.name}, {model.window:,} tokens. "
        f"Lower max_tokens to at most {max(model.window - prompt, 0):,}, or shorten the prompt."
    )
