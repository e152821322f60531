"""Campaign: what afcost would send for every priced model that has an alias.

Each model is taken at each provider that sells it, with the built-in experiment, as its judge, and
with each portable level of reasoning. A request is refused by afcost, or it is built by the code
that sends, and held against the strict rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from estimator.errors import EstimatorError
from estimator.workload import PlannedModel, load_price_book, resolve_models
from experiment.definition import (
    BUILTIN_SOURCE,
    Experiment,
    Overrides,
    Sampling,
    SubjectModel,
    load_experiment,
)
from experiment.errors import ExperimentError
from experiment.prompts import Request, RequestBuilder, Templates, join_votes
from experiment.scoring.completion import Completion
from pricing.catalog import find_retirement, list_aliases, provider_ids
from pricing.errors import NoPrice, PricingError
from providers.apis import find_api
from providers.errors import ProvidersError
from providers.registry import builtin_providers
from tests.strict.checks import Fault, find_faults
from tests.strict.field_types import find_misfit
from tests.strict.replies import ANSWER
from tests.strict.rulebook import load_rulebooks
from tests.strict.server import find_api_name

DAY = date(2026, 11, 26)
LEVELS = ("off", "minimal", "low", "medium", "high", "xhigh", "max")
BUDGET = 2000  # tokens
ROOM = 20_000  # tokens of output, so that a level's budget fits in
SMALL_ROOM = 4_000  # which every model has
PLAIN = ("built-in", "as judge")
VOTES = 3  # of a judge, asked for together where that is documented
VARIANTS = (*PLAIN, *LEVELS, "budget")
# Other fields that an experiment may have, each alone; not counted with the levels.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "temperature 0": {"temperature": 0},
    "top_p": {"top_p": 0.9},
    "top_k": {"top_k": 40},
    "stop": {"stop": ["END"]},
    "seed": {"seed": 7},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "temperature and top_p": {"temperature": 0.5, "top_p": 0.9},
}
REFUSALS = (ProvidersError, ExperimentError, EstimatorError, PricingError)

ACCEPTED = "accepted"
ABSENT = "rightly refused"  # by afcost: the rules have no such level for the model, or it may
REFUSED = "refused"  # by afcost, although the rules have the level
SENT = "sent, refused"  # by the strict provider


@dataclass(frozen=True)
class Pair:
    """A model at a provider."""

    alias: str
    provider: str
    id: str

    @property
    def written(self) -> str:
        """Return its name as an experiment writes it."""
        return f"{self.provider}/{self.id}"


@dataclass(frozen=True)
class Result:
    """What became of a model's requests in one condition of one variant.

    Attributes:
        pair: the model.
        variant: `built-in`, `as judge`, a level, or `budget`.
        condition: the cell of the factors.
        status: ACCEPTED, ABSENT, REFUSED or SENT.
        faults: what the strict provider found.
        said: why afcost refused it.
        sent: the body without its prompt.
    """

    pair: Pair
    variant: str
    condition: str
    status: str
    faults: tuple[Fault, ...] = ()
    said: str = ""
    sent: Mapping[str, Any] = field(default_factory=dict)


@cache
def list_pairs() -> tuple[Pair, ...]:
    """Return every model of the alias table at every provider that serves, prices and runs it."""
    providers = builtin_providers()
    pairs = (
        Pair(alias, provider, model_id)
        for alias in list_aliases()
        for provider, model_id in provider_ids(alias).items()
        if providers[provider].kind != "none"
    )
    return tuple(pair for pair in pairs if not _is_retired(pair) and _is_priced(pair))


def run_campaign(pairs: Sequence[Pair], variants: Sequence[str] = VARIANTS) -> list[Result]:
    """Return the result of each variant of each pair, in each condition."""
    return [
        result for pair in pairs for variant in variants for result in run_variant(pair, variant)
    ]


def run_variant(pair: Pair, variant: str) -> Iterator[Result]:
    """Yield the results of a variant of a pair, by condition; a judge and a field have one."""
    try:
        build = _prepare_variant(pair, variant)
    except REFUSALS as error:
        yield from (_note_refusal(pair, variant, name, error) for name in _conditions(variant))
        return
    for condition in _conditions(variant):
        try:
            built = _build_sent(pair, variant, build(condition))
        except REFUSALS as error:
            yield _note_refusal(pair, variant, condition, error)
        else:
            yield _check_request(pair, variant, condition, *built)


def _conditions(variant: str) -> tuple[str, ...]:
    names = tuple(each.name for each in _load_builtin().conditions())
    return names[:1] if variant == "as judge" or variant in FIELDS else names


def _note_refusal(pair: Pair, variant: str, condition: str, error: Exception) -> Result:
    status = REFUSED if has_level(pair, variant) else ABSENT
    return Result(pair, variant, condition, status, said=str(error))


def has_level(pair: Pair, variant: str) -> bool:
    """Return whether the rules have a level for a model; the built-in experiment fits every one.

    As a judge, a model is asked at temperature 0, which an API may not take. Of the other fields
    this is not said: afcost may refuse any of them.
    """
    book = load_rulebooks().get(pair.provider)
    if variant in FIELDS or variant == "built-in":
        return variant == "built-in"
    if variant == "as judge":
        kinds = [api.fields.get("temperature", "any") for api in book.apis.values()] if book else []
        return not any(find_misfit(kind, 0) for kind in kinds)
    levels = book.first(wire_id(pair), "levels") if book else None
    return variant in (levels or ())


def wire_id(pair: Pair) -> str:
    """Return what the provider is sent as the model."""
    return builtin_providers()[pair.provider].wire_model(pair.id)


def make_experiment(pair: Pair, variant: str) -> Experiment:
    """Return the built-in experiment with one query, for a model in a variant."""
    loaded = _load_builtin()
    update: dict[str, Any] = {"subjects": (SubjectModel(name=pair.written),)}
    if variant == "as judge":
        changes = {"model": pair.written, "samples": VOTES}
        judges = (each.model_copy(update=changes) for each in loaded.spec.judges)
        update["judges"] = tuple(judges)
    elif variant in FIELDS:
        fields = {"max_tokens": loaded.spec.sampling.max_tokens, **FIELDS[variant]}
        update["sampling"] = Sampling.model_validate(fields)
    elif variant not in PLAIN:
        reasoning = {"max_tokens": BUDGET} if variant == "budget" else variant
        fields = loaded.spec.sampling.request_fields() | {
            "max_tokens": choose_room(pair),
            "reasoning": reasoning,
        }
        update["sampling"] = Sampling.model_validate(fields)
    return replace(loaded, spec=loaded.spec.model_copy(update=update))


def choose_room(pair: Pair) -> int:
    """Return the output limit of the variants with reasoning, which the model must have."""
    book = load_rulebooks().get(pair.provider)
    if book is None:
        return ROOM
    room = SMALL_ROOM if book.first(wire_id(pair), "reasons") == "never" else ROOM
    return min(room, book.first(wire_id(pair), "max_output") or room)


def _prepare_variant(pair: Pair, variant: str) -> Callable[[str], Request]:
    """Return what builds the request of a condition.

    Raises:
        one of REFUSALS: afcost refuses the experiment.
    """
    experiment, model = make_experiment(pair, variant), _plan_model(pair, variant)
    builder = RequestBuilder(
        experiment,
        lambda _, sampling: model.takes_prefill(sampling),
        _compile_templates(),
        count_choices=lambda _, sampling: model.count_choices(sampling),
    )
    cells = {each.name: each for each in experiment.conditions()}

    def build(condition: str) -> Request:
        request = builder.build_subject_request(pair.written, cells[condition], 0, 0)
        if variant != "as judge":
            return request
        answer = builder.read_subject_answer(request, Completion(ANSWER))
        votes = builder.build_judge_requests(request, answer)
        return join_votes(next(builder.group_requests(votes)))

    return build


def _build_sent(
    pair: Pair, variant: str, request: Request
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return the URL, the body and the headers, as `runner.transport.sender` makes them.

    Raises:
        one of REFUSALS: afcost refuses the request.
    """
    provider, model = builtin_providers()[pair.provider], _plan_model(pair, variant)
    api, takes = find_api(provider, model.capability), model.capability
    body = api.build_body(provider, pair.id, request, takes, reserve_card=model.reserve)
    try:
        url = api.completion_url(provider, pair.id)  # type: ignore[call-arg] # Google's names it
    except TypeError:
        url = api.completion_url(provider)
    return url, body, {name.lower(): text for name, text in api.auth_headers("key").items()}


def _check_request(
    pair: Pair,
    variant: str,
    condition: str,
    url: str,
    body: dict[str, Any],
    headers: dict[str, str],
) -> Result:
    api, named = find_api_name(urlsplit(url).path)
    model = named or str(body.get("model", ""))
    faults = tuple(find_faults(pair.provider, api, body, model=model, headers=headers))
    prompt = ("messages", "system", "contents", "systemInstruction", "input", "instructions")
    sent = {name: value for name, value in body.items() if name not in prompt}
    status = SENT if faults else ACCEPTED
    return Result(pair, variant, condition, status, faults, sent=sent)


@cache
def _load_builtin() -> Experiment:
    return load_experiment(BUILTIN_SOURCE, Overrides(limit=1))


@cache
def _compile_templates() -> Templates:
    """Return the templates of the built-in experiment, which all variants share."""
    return Templates(_load_builtin().folder, trust=_load_builtin().trust)


@cache
def _plan_model(pair: Pair, variant: str = "built-in") -> PlannedModel:
    """Return the model as planned; only the level `max` may be asked for over another API."""
    experiment = make_experiment(pair, variant if variant == "max" else "built-in")
    alone = replace(experiment, spec=experiment.spec.model_copy(update={"judges": ()}))
    return resolve_models(alone, load_price_book(DAY, alone), DAY)[pair.written]


def _is_priced(pair: Pair) -> bool:
    try:
        _plan_model(pair)
    except NoPrice:
        return False
    except REFUSALS:
        return True  # for another reason, which the campaign then shows
    return True


def _is_retired(pair: Pair) -> bool:
    retirement = find_retirement(pair.provider, pair.id, DAY)
    return retirement is not None and retirement.retires_on <= DAY
