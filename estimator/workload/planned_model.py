"""A planned model: its tokenizer, counting method and price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from estimator.cached_prefix import CachedPrefix, index_prefixes
from estimator.counting import (
    CountingMethod,
    Exactness,
    ModelFamily,
    TokenCount,
    Tokenizer,
    build_tokenizer,
    count_request,
    find_family,
)
from experiment.definition import VERDICT_SCHEMA, Experiment
from experiment.prompts import CacheMark, Request
from pricing.catalog import ModelName
from pricing.rates import Offer, RateCard
from providers.capabilities import (
    Capability,
    build_sent_fields,
    count_choices,
    find_capability,
    find_reasoning,
    supports_prefill,
    takes_schema,
)
from providers.errors import NotTaken
from providers.provider import Provider
from providers.registry import builtin_providers

if TYPE_CHECKING:  # these import jinja2, and what reads answers
    from experiment.prompts import RequestBuilder, Templates


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of an experiment, resolved and priced.

    Attributes:
        name: the resolved name.
        offer: its pinned prices, at all times and by all sources.
        card: the price that the forecast uses.
        reserve: the largest price that any source knows, for ceilings and reservations.
        window: context window in tokens; None where unknown, and then it is not checked.
        prefill: whether it is sent a final assistant message to continue.
        counting: how its prompts are counted.
        takes: what it takes at its provider; None in plans from before there were such records.
        caching: the prefixes of its prompts that its provider bills as cached.
    """

    name: ModelName
    offer: Offer
    card: RateCard
    reserve: RateCard
    window: int | None
    prefill: bool
    counting: CountingMethod = CountingMethod()
    takes: Capability | None = None
    caching: tuple[CachedPrefix, ...] = ()

    @property
    def capability(self) -> Capability:
        """Return what it takes at its provider, as pinned in its plan.

        A plan from before there were records goes on as it was approved: with today's record, and
        with the fields that it does not know.
        """
        if self.takes is not None:
            return self.takes
        own = Provider(self.name.provider, kind="openai", base_url="")
        provider = builtin_providers().get(self.name.provider, own)
        return replace(find_capability(provider, self.name.id), takes_unknown=True)

    def reserve_for(self, mark: CacheMark | None) -> RateCard:
        """Return the price to reserve a request by: a marked prompt may be written to a cache.

        All of it is taken to be, as how much a provider writes is for it to say.
        """
        if mark is None or mark.keep is None:
            return self.reserve
        return self.reserve.with_writes(for_an_hour=mark.keep == "1h")

    def takes_prefill(self, sampling: Mapping[str, Any]) -> bool:
        """Return whether a request with these sampling fields is sent a prefill."""
        if not self.prefill or self.takes is None or self.takes.prefill_while_reasoning:
            return self.prefill
        return not find_reasoning(self.takes, sampling).on

    def choose_sampling(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """Return sampling fields without a verdict's schema where the model is not sent one."""
        if VERDICT_SCHEMA not in sampling or takes_schema(self.capability, sampling):
            return dict(sampling)
        return {name: value for name, value in sampling.items() if name != VERDICT_SCHEMA}

    def count_choices(self, sampling: Mapping[str, Any]) -> int:
        """Return how many answers one request with these sampling fields may ask for."""
        return 1 if self.takes is None else count_choices(self.takes, sampling)

    def identify_fields(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request's body, by which it is told from others.

        The limit has its portable name, because another name for it is no other request; a request
        that would be refused has the fields as they are written.
        """
        try:
            fields = build_sent_fields(self.capability, sampling).fields
        except NotTaken:
            return dict(sampling)
        limit = fields[self.capability.limit_field]
        others = {k: v for k, v in fields.items() if k != self.capability.limit_field}
        return others | {"max_tokens": limit}

    @property
    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer that counts what this model's provider bills."""
        return build_tokenizer(self.name.id, self.counting)

    def count_request(self, request: Request) -> TokenCount:
        """Count a request's prompt, with what its fields add to it."""
        return count_request(self.tokenizer, request.messages, request.sampling)

    @property
    def vocabulary(self) -> Tokenizer:
        """Return the tokenizer by itself, without anything that the provider has ever said.

        What is booked is compared with its counts: a learned offset, or a count by the provider,
        moves only the forecast, and a reservation upwards.
        """
        counting = self.counting
        if counting.offset is None and not counting.endpoint:
            return self.tokenizer
        own = CountingMethod(counting.source, counting.fingerprint)
        return build_tokenizer(self.name.id, own)

    @property
    def family(self) -> ModelFamily:
        """Return this model's family."""
        return find_family(self.name.id)

    @property
    def own_vocabulary(self) -> bool:
        """Return whether texts are counted with the model's own vocabulary."""
        return bool(self.counting.source) or self.family.exactness is Exactness.EXACT


def make_request_builder(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    templates: Templates | None = None,
    repeats: Mapping[tuple[int, int], int] | None = None,
) -> RequestBuilder:
    """Return what builds the requests of an experiment as its models are sent them.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        templates: as of `RequestBuilder`.
        repeats: as of `RequestBuilder`, of the same requests.
    """
    from experiment.prompts import RequestBuilder  # noqa: PLC0415 - as above

    return RequestBuilder(
        experiment,
        lambda name, sampling: models[name].takes_prefill(sampling),
        templates,
        choose_sampling=lambda name, sampling: models[name].choose_sampling(sampling),
        identify=_Identities(models).identify,
        count_choices=lambda name, sampling: models[name].count_choices(sampling),
        repeats=repeats,
        marks={key: each.mark for key, each in index_prefixes(models).items()},
    )


class _Identities:
    """What tells the requests of models apart, beside their messages; found once for each use."""

    def __init__(self, models: Mapping[str, PlannedModel]) -> None:
        self._models = models
        self._found: dict[str, object] = {}

    def identify(self, written: str, sampling: Mapping[str, Any]) -> object:
        """Return the provider, its id of the model, and the fields of the body."""
        key = repr((written, sampling))
        if key not in self._found:
            name = self._models[written].name
            fields = self._models[written].identify_fields(sampling)
            self._found[key] = [name.provider, name.id, fields]
        return self._found[key]


def build_planned_model(  # noqa: PLR0913 - what a planned model is made of
    name: ModelName,
    offer: Offer,
    day: date,
    window: int | None,
    provider: Provider,
    counting: CountingMethod = CountingMethod(),
) -> PlannedModel:
    """Build a planned model; whether it supports a prefill depends on provider and family.

    Args:
        name: of the model.
        offer: its prices.
        day: on which requests are expected to be sent.
        window: context window in tokens; None where unknown.
        provider: where its requests go.
        counting: how its prompts are counted.
    """
    takes = find_capability(provider, name.id)
    prefill = supports_prefill(takes, provider)
    start = datetime.combine(day, time(), UTC)
    reserve = offer.reservation_card(start, start + timedelta(days=1) - timedelta(seconds=1))
    highest = offer.highest_on(day)
    return PlannedModel(name, offer, highest, reserve, window, prefill, counting, takes)
