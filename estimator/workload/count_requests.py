"""The survey: every request of an experiment counted, and checked against its window.

One pass over the requests, nothing kept but the tallies of the strata. A judge reads what the
subject will write, so its prompt is counted with an empty answer, and the tally remembers whose
answers it carries; `forecast` adds their expected length.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from estimator.counting.model_families import Family, family
from estimator.counting.token_count import Exactness, TokenCount, Tokenizer
from estimator.counting.tokenizer import Counting, tokenizer_of
from estimator.errors import DoesNotFit
from experiment.definition.loader import Experiment
from experiment.prompts.request_builder import Request, Requests
from experiment.scoring.answer import Answer
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.rates.offer import Offer
from pricing.rates.rate_card import RateCard

_OTHER_VOCABULARY = 1.3  # margin of a text's length in another vocabulary
_SEAMS = 8  # tokens that may be added where an answer meets the text around it
_NOW_AND_THEN = 500
_OUTPUT, _REASONING = "\ue001", "\ue002"

Key = tuple[str, str, str]  # stage, model as written, condition


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of an experiment, resolved and priced.

    Attributes:
        name: what the written name means.
        offer: its pinned prices, at all times and by all sources.
        card: the price that a forecast rests on.
        reserve: the largest price that any source knows, for ceilings and reservations.
        window: context in tokens; None where unknown, and then it is not checked.
        prefill: whether a final assistant message is sent to it.
        counting: how its prompts are counted.
    """

    name: ModelName
    offer: Offer
    card: RateCard
    reserve: RateCard
    window: int | None
    prefill: bool
    counting: Counting = Counting()  # noqa: RUF009 - frozen

    @property
    def tokenizer(self) -> Tokenizer:
        """Counts what this model's provider bills."""
        return tokenizer_of(self.name.id, self.counting)

    @property
    def family(self) -> Family:
        """What is particular to this model."""
        return family(self.name.id)

    @property
    def own_vocabulary(self) -> bool:
        """Whether texts are counted with the model's own vocabulary, whatever frames them."""
        return bool(self.counting.source) or self.family.exactness is Exactness.EXACT


@dataclass(slots=True)
class Tally:
    """What a stratum's requests come to; prices have no part in it.

    Attributes:
        requests: how many.
        input_tokens: prompt tokens in all; for a judge, with empty answers.
        max_tokens: of each request.
        bounds: prompt tokens that a request may come to -> how many requests may.
        carried: subject stratum -> how many of its outputs these prompts carry; empty for subjects.
        uses: how often a judge's prompt holds the answer's output, and its reasoning.
    """

    requests: int = 0
    input_tokens: int = 0
    max_tokens: int = 0
    bounds: Counter[int] = field(default_factory=Counter)
    carried: dict[Key, int] = field(default_factory=dict)
    uses: tuple[int, int] = (0, 0)

    def ceiling(self, card: RateCard) -> Money:
        """Give the most that all requests can cost."""
        dearest = (
            card.ceiling(bound, self.max_tokens).pico * number
            for bound, number in self.bounds.items()
        )
        return Money(sum(dearest))


@dataclass(frozen=True, slots=True)
class Counted:
    """One request of the survey.

    Attributes:
        request: what would be sent; a judge's with an empty answer.
        count: its prompt.
        bound: prompt tokens that it may come to; a judge's with the longest answer.
        carries: the stratum of the answer that a judge's prompt will hold; None for a subject.
        carried_limit: the max_tokens of that answer.
        uses: how often it will hold the answer's output, and its reasoning.
    """

    request: Request
    count: TokenCount
    bound: int
    carries: Key | None = None
    carried_limit: int = 0
    uses: tuple[int, int] = (0, 0)

    @property
    def key(self) -> Key:
        """The request's stratum."""
        return (self.request.stage, self.request.model, self.request.condition)


@dataclass(frozen=True, slots=True)
class Survey:
    """The tallies of all strata, and a digest of all subject requests."""

    tallies: dict[Key, Tally]
    digest: str
    files: dict[str, str]


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


def judge_bound(
    blank: TokenCount, uses: int, judge: PlannedModel, subject: Request, model: PlannedModel
) -> int:
    """Give the prompt tokens that a judge's request may come to, before the answer is known.

    Args:
        blank: the prompt with an empty answer.
        uses: how often the answer stands in it.
        judge: the judge's model.
        subject: the judged request; its answer has at most `max_tokens`, after its prefill.
        model: the subject's model.

    In another vocabulary the answer may have more tokens, and where it meets the text around it a
    few more. Once it is known, the request is counted and reserved anew.
    """
    same = model.tokenizer.name == judge.tokenizer.name
    if same and judge.own_vocabulary:
        ratio = 1.0
    else:
        ratio = judge.tokenizer.bound_scale / model.tokenizer.scale * _OTHER_VOCABULARY
    longest = subject.max_tokens + model.tokenizer.count_text(subject.prefill)
    return blank.bound + uses * (math.ceil(longest * ratio) + _SEAMS)


def carried_tokens(subject: PlannedModel, judge: PlannedModel, tokens: float) -> float:
    """Give the expected length of a subject's text in the judge's vocabulary."""
    return tokens * judge.tokenizer.scale / subject.tokenizer.scale


def uses_of_answer(requests: Requests, subject: Request) -> dict[str, tuple[int, int]]:
    """Give how often each judge's prompt holds the answer's output and its reasoning."""
    probe = Answer(output=_OUTPUT, reasoning=_REASONING, accepted=True)
    uses = {}
    for request in requests.judges(subject, probe):
        text = "".join(content for _, content in request.messages)
        uses[request.stage] = (text.count(_OUTPUT), text.count(_REASONING))
    return uses


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


def is_exact(tally_key: Key, models: dict[str, PlannedModel]) -> Exactness:
    """Give the exactness of a stratum's input: a judge's rests on a forecast of the answers."""
    stage, model, _ = tally_key
    return models[model].tokenizer.exactness if stage == "subject" else Exactness.APPROXIMATE


def planned_model(  # noqa: PLR0913 - what a planned model is made of
    name: ModelName,
    offer: Offer,
    day: date,
    window: int | None,
    provider_prefill: str,
    counting: Counting = Counting(),  # noqa: B008 - frozen, empty
) -> PlannedModel:
    """Put together what is known of a model; a prefill needs the provider and the family.

    Args:
        name: of the model.
        offer: its prices.
        day: on which requests will be sent, as far as it is known yet.
        window: context in tokens; None where unknown.
        provider_prefill: how the provider takes a final assistant message.
        counting: how its prompts are counted.
    """
    prefill = provider_prefill != "none" and family(name.id).prefill
    start = datetime.combine(day, time(), UTC)
    reserve = offer.reserve(start, start + timedelta(days=1) - timedelta(seconds=1))
    return PlannedModel(name, offer, offer.card(day), reserve, window, prefill, counting)
