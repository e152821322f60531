"""Served as: which model, in which tier and region, an answer came from, and what that costs.

A snapshot of the model that was asked for is that model, unless it is listed at a higher price.
Another one is a breach at a provider that is known; what a server of the user's own calls its model
is only noted.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache

from estimator.workload import PlannedModel
from pricing.catalog import (
    ModelName,
    PriceFactor,
    find_option_factor,
    is_same_family,
    is_same_model,
)
from pricing.errors import PricingError
from pricing.price_book import PriceBook
from pricing.rates import PREMIUM_TIERS, RateCard, merge_highest
from providers.registry import builtin_providers, load_providers
from providers.reply import ModelResponse, read_display_name

_MODEL_LENGTH = 80
_STANDARD_TIERS = {"", "auto", "default", "standard", "standard_only", "on_demand"}
_OWN_SERVERS = {"vllm", "ollama"}  # listed as providers, and yet the user's own


def applicable_card(
    model: PlannedModel, response: ModelResponse, sent_at: datetime, answered_at: datetime
) -> RateCard:
    """Return the pinned rate card that an answer is billed by.

    Of a price that changed while a request was in flight, the higher one applies. What was served
    in another service tier than requested is billed by that tier's price or, where that is not
    known, by the card that was reserved by. Another model is billed by its own price where it is
    known to be higher, and so is the one that a name such as `mistral-large-latest` now means.
    """
    card = _card_in_tier(model, response, sent_at, answered_at)
    other = other_model(model, response)
    dearer = (
        _find_price(model.name.provider, other, _today())
        if other
        else _find_moved_price(model, response)
    )
    return merge_highest([card, dearer]) if dearer else card


def _card_in_tier(
    model: PlannedModel, response: ModelResponse, sent_at: datetime, answered_at: datetime
) -> RateCard:
    moments = (sent_at, answered_at)
    if served := dict(model.offer.upgraded_tiers).get(response.tier.lower()):
        return merge_highest(
            [*(served.card_at(moment) for moment in moments), model.offer.card_at(answered_at)]
        )
    if _is_other_tier(model, response):
        return model.reserve
    cards = [model.offer.card_at(moment) for moment in moments]
    card = cards[0] if cards[0] is cards[1] else merge_highest(cards)
    factor = _geo_factor(model, response)
    return card.scaled(factor.multiplier) if factor else card


def note_tier(model: PlannedModel, response: ModelResponse) -> str:
    """Describe a service tier that is not the one requested; empty for the one that is."""
    if not _is_other_tier(model, response):
        return ""
    if response.tier:
        return f"served as {response.tier}, not as requested"
    return "the requested service tier is not confirmed"


def _is_other_tier(model: PlannedModel, response: ModelResponse) -> bool:
    """Return whether the answer may have been served in a tier other than the one requested.

    A requested tier must be confirmed. A stated cost includes whatever the tier was.
    """
    requested, served = _requested_tiers(model.offer.options), response.tier.lower()
    if response.stated_cost is not None or requested | {served} <= _STANDARD_TIERS:
        return False
    return served not in requested


@lru_cache(maxsize=64)
def _requested_tiers(options: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the tiers that a plan asks for; a speed is named where others name a tier."""
    asked = dict(options)
    tiers = frozenset((asked.get("service_tier", ""), asked.get("speed", ""))) - {""}
    if asked.get("processing") == "batch" and not tiers:  # each provider names it as it likes
        return frozenset({"batch", *_STANDARD_TIERS})
    return tiers or frozenset(("",))


def _geo_factor(model: PlannedModel, response: ModelResponse) -> PriceFactor | None:
    """Return the price factor of the region that served the answer, if none was requested."""
    if not response.geo or "inference_geo" in dict(model.offer.options):
        return None
    return find_option_factor(
        model.name.provider, model.name.id, (("inference_geo", response.geo),)
    )


def find_tier_breach(model: PlannedModel, response: ModelResponse) -> str:
    """Describe a breach: the answer was served in a more expensive tier that was not requested."""
    if response.tier.lower() not in PREMIUM_TIERS:
        return ""
    if not _requested_tiers(model.offer.options).isdisjoint(PREMIUM_TIERS):
        return ""
    return (
        f"{model.name} was served in the tier {response.tier}, which was not requested "
        "and costs more than planned; set a service_tier in `sampling` and make a new plan"
    )


def other_model(model: PlannedModel, response: ModelResponse) -> str:
    """Return the model that an answer names, if a known provider answered with another one.

    A snapshot that costs more, such as `gpt-4o-2024-05-13` for `gpt-4o`, is another one. One of the
    same family at the same price is another name of it. At another address than the provider's
    own, such as that of a proxy, a name says less: there it counts only if it may cost more.
    """
    if is_own_server(model):
        return ""
    named = _differing_model(model, response)
    if not named:
        return _dearer_snapshot(model, response)
    provider = model.name.provider
    price = _find_price(provider, named, _today())
    if price is None:
        return named
    if not response.builtin_url:
        return named if price.classes_above(model.reserve) else ""
    own = _find_price(provider, model.name.id, _today())
    renamed = is_same_family(model.name.id, named) and own and own.has_same_price(price)
    return "" if renamed else named


def is_own_server(model: PlannedModel) -> bool:
    """Return whether a model is at a server of the user's own, not at a provider that is known."""
    name = model.name.provider
    return name in _OWN_SERVERS or name not in builtin_providers()


def note_model(model: PlannedModel, response: ModelResponse, other: str) -> str:
    """Describe the name that a model was answered under where it is another, and no breach.

    Args:
        model: as planned.
        response: the answer.
        other: what `other_model` says of both.
    """
    named = "" if other else _differing_model(model, response)
    return f"answered as {_show(named)}" if named else ""


def find_model_breach(model: PlannedModel, other: str) -> str:
    """Describe a breach: another model, `other`, answered than the one that was asked for."""
    return other and (
        f"{model.name} was asked for and {_show(other)} answered, whose price is not the planned "
        "one; name that model in the experiment and make a new plan"
    )


def is_price_known(model: PlannedModel, other: str) -> bool:
    """Return whether the price of the model that answered, `other` if it is another, is known."""
    return not other or _find_price(model.name.provider, other, _today()) is not None


def _differing_model(model: PlannedModel, response: ModelResponse) -> str:
    named = (response.model, *response.other_models)
    return next((each for each in named if not is_same_model(model.name, each)), "")


def _dearer_snapshot(model: PlannedModel, response: ModelResponse) -> str:
    """Return the snapshot that an answer names, if it is listed at more than the model's own name.

    It must be more than every source says of that name, because sources disagree, and of the name
    without a suffix such as `:free`, which answers leave out. A stated cost says what was billed,
    whatever they say.
    """
    if response.costs or response.stated_cost is not None:
        return ""
    provider, asked, day = model.name.provider, model.name.id, _today()
    for named in {response.model, *response.other_models} - {"", asked}:
        names = {asked, asked.partition(":")[0]}
        listed = (price for name in names for price in _list_prices(provider, name, day))
        planned = (model.reserve, *listed)
        best = _list_prices(provider, named, day)[:1]
        if any(all(_bills_more(price, each) for each in planned) for price in best):
            return named
    return ""


def _find_moved_price(model: PlannedModel, response: ModelResponse) -> RateCard | None:
    """Return the price of the model that a `-latest` name turned out to mean; None if unknown."""
    named, asked = response.model, model.name.id
    is_alias = asked.endswith("-latest") and named not in ("", asked)
    if not is_alias or model.offer.options or is_own_server(model):
        return None
    return next(iter(_list_prices(model.name.provider, named, _today())), None)


def _bills_more(card: RateCard, other: RateCard) -> bool:
    return not {"input", "output"}.isdisjoint(card.classes_above(other))


def _show(name: str) -> str:
    return read_display_name(name, _MODEL_LENGTH)


def _today() -> date:
    return datetime.now(UTC).date()


@lru_cache(maxsize=64)
def _find_price(provider: str, named: str, day: date) -> RateCard | None:
    """Return the highest price of a model at a provider, or at its maker; None if unknown."""
    if listed := _list_prices(provider, named, day):
        return merge_highest(listed)
    book = PriceBook(day)
    try:
        name = book.resolve_name(_bare(named), load_providers({}))
        return book.offer_for(name).highest_on(day)
    except PricingError:
        return None


@lru_cache(maxsize=64)
def _list_prices(provider: str, named: str, day: date) -> list[RateCard]:
    """Return what sources say of a model at a provider, the best source first."""
    book = PriceBook(day)
    for name in (named, _bare(named)):
        with suppress(PricingError):
            offer = book.offer_for(ModelName(name, provider, name))
            return [offer.tariff.highest_on(day), *offer.alternatives]
    return []


def _bare(named: str) -> str:
    return named.rpartition("/")[2]
