"""Count every request of an experiment, and check that it fits its model's context window.

One pass over the requests; only the tallies of the strata are kept. A judge reads what the subject
will write, so its prompt is counted with an empty answer, and the tally records whose answers it
contains; `forecast` adds their expected length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from estimator.counting import Exactness, TokenCount, adds_to_prompt
from estimator.errors import DoesNotFit
from estimator.workload.judge_prompts import count_answer_occurrences, judge_prompt_bound
from estimator.workload.planned_model import PlannedModel, make_request_builder
from estimator.workload.taken_check import check_prefill
from estimator.workload.tally import (
    CountedRequest,
    StratumKey,
    StratumTally,
    Workload,
    order_tallies,
)
from estimator.workload.turn_prompts import list_turn_bounds
from experiment.definition import Experiment
from experiment.prompts import Request, RequestBuilder, read_templates

_PROGRESS_EVERY = 500


def count_workload(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    on_request: Callable[[CountedRequest], None] | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Workload:
    """Count all requests of an experiment, one after another; none is kept.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        on_request: called with every request in turn.
        on_progress: called now and then with the number of requests counted, and the total by the
            jobs that are.

    Raises:
        DoesNotFit: a prompt with its `max_tokens` exceeds the model's window.
        NotTaken: a prefill ends with white space, and its model's provider would refuse that.
    """
    templates = read_templates(experiment, limited=True)
    requests = make_request_builder(experiment, models, templates)
    occurrences = count_answer_occurrences(requests)
    tallies: dict[StratumKey, StratumTally] = {}
    digest = hashlib.sha256()
    counted_so_far = 0
    for number, subject in enumerate(requests.all_subject_requests()):
        if number and number % _PROGRESS_EVERY == 0:
            on_progress(counted_so_far, counted_so_far * requests.subject_count // number)
        digest.update(subject.id.encode())
        for counted in count_job(requests, subject, models, occurrences):
            add_to_tally(tallies, counted)
            counted_so_far += 1
            if on_request is not None:
                on_request(counted)
    files = requests.templates.file_digests
    tallies = order_tallies(tallies, [judge.name for judge in experiment.spec.judges])
    return Workload(tallies, digest.hexdigest(), files, requests.repeats)


def count_job(
    requests: RequestBuilder,
    subject: Request,
    models: dict[str, PlannedModel],
    answer_occurrences: dict[str, tuple[int, int]],
) -> Iterator[CountedRequest]:
    """Yield the requests of a job that is not answered: the subject's, then each judge's."""
    model = models[subject.model]
    check_prefill(subject, model)
    count = model.count_request(subject)
    _check_window(subject, count.bound, model)
    preview = partial(requests.preview_messages, subject)
    form = requests.experiment.spec.answer
    turn_bounds = list_turn_bounds(count, subject, model, form)
    for bound in turn_bounds[-1:]:
        _check_window(subject, bound, model)
    yield CountedRequest(
        subject, count, count.bound, preview=preview, turn_bounds=tuple(turn_bounds)
    )
    for votes in requests.group_requests(requests.build_judge_requests(subject, None)):
        first, judge = votes[0], models[votes[0].model]
        check_prefill(first, judge)
        blank = judge.count_request(first)
        occurrences = answer_occurrences[first.stage]
        bound = judge_prompt_bound(blank, max(occurrences), judge, subject, model, form.turns)
        _check_window(first, bound, judge)
        counted = CountedRequest(
            first,
            blank,
            bound,
            answer_stratum=StratumKey.of_request(subject),
            answer_max_tokens=subject.max_tokens,
            answer_occurrences=occurrences,
            depends_on_answer=requests.depends_on_answer(subject, first.stage),
            preview=partial(requests.preview_messages, first),
        )
        yield counted
        yield from (count_joint_vote(vote, counted) for vote in votes[1:])


def count_joint_vote(vote: Request, first: CountedRequest) -> CountedRequest:
    """Return a vote that is asked for together with another, without the prompt that they share.

    Args:
        vote: that comes later.
        first: the one that is billed the prompt.
    """
    return replace(
        first,
        request=vote,
        count=TokenCount(0, first.count.exactness, 0),
        answer_stratum=None,
        is_joint=True,
    )


def add_to_tally(tallies: dict[StratumKey, StratumTally], counted: CountedRequest) -> None:
    """Add a request to the tally of its stratum."""
    tally = tallies.setdefault(counted.stratum_key, StratumTally())
    tally.requests += 1
    tally.depending += counted.depends_on_answer
    tally.input_tokens += counted.count.tokens
    tally.max_tokens = counted.request.max_tokens
    (tally.joint_bounds if counted.is_joint else tally.bounds).update(counted.bounds)
    tally.answer_occurrences = counted.answer_occurrences
    if counted.count.exactness is Exactness.APPROXIMATE and not tally.adds_fields:
        tally.adds_fields = adds_to_prompt(counted.request.sampling)
    if counted.answer_stratum is not None:
        tally.judged_answers[counted.answer_stratum] = (
            tally.judged_answers.get(counted.answer_stratum, 0) + 1
        )


def _check_window(request: Request, tokens: int, model: PlannedModel) -> None:
    if model.window is None or tokens + request.max_tokens <= model.window:
        return
    raise DoesNotFit(
        f"{request.stage} request of condition {request.condition}, query {request.query}: "
        f"a prompt of {tokens:,} tokens with max_tokens {request.max_tokens:,} exceeds the context "
        f"window of {model.name}, {model.window:,} tokens. "
        f"Lower max_tokens to at most {max(model.window - tokens, 0):,}, or shorten the prompt."
    )
