"""Prices of the user's own: how far each is from what others say of the same service and model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from estimator.plan.price_notes import format_main_prices
from estimator.workload import PlannedModel
from experiment.definition import Experiment
from pricing.catalog import ModelName
from pricing.rates import MAX_PRICE_RATIO, Offer, RateCard, underpricing_ratio
from providers.addresses import find_service
from providers.provider import Provider
from providers.registry import load_providers


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price, or a choice of a source, of the user's own.

    Attributes:
        name: the model.
        card: the price.
        others: what others say of that provider's model.
        below: how many times more the others bill, where they bill the most more; 1 where none
            does.
        above: how many times more this price bills than theirs.
        own_server: it is for a server of the user's own, of which others know nothing.
    """

    name: ModelName
    card: RateCard
    others: tuple[RateCard, ...]
    below: Decimal
    above: Decimal
    own_server: bool

    @property
    def can_break_cap(self) -> bool:
        """Return whether the provider may bill so much more that no cap would hold."""
        return not self.own_server and self.below > MAX_PRICE_RATIO

    def describe(self) -> str:
        """Return the price, and how far it is from the others', for a person to judge."""
        said = f"{format_main_prices(self.card)} ({self.card.source})"
        if not self.others:
            place = ", at a server that is not built in" if self.own_server else ""
            return f"{said}{place}; no other source has a price"
        known = ", ".join(self._group_others())
        if self.own_server:
            return f"{said}, at a server that is not built in; of {self.name.provider}'s {known}"
        return f"{said}{self._describe_distance()}; others say {known}"

    def _group_others(self) -> Iterator[str]:
        """Yield each price that others have, with all who say it."""
        sources: dict[str, list[str]] = {}
        for card in self.others:
            sources.setdefault(format_main_prices(card), []).append(card.source)
        for price, names in sources.items():
            yield f"{price} ({', '.join(names)})"

    def _describe_distance(self) -> str:
        if self.below > 1:
            far = f"up to {self.below.normalize():f} x" if self.card.output.base else "infinitely"
            return f", {far} below others"
        return f", up to {self.above.normalize():f} x above others" if self.above > 1 else ""


def list_own_prices(
    experiment: Experiment, models: Iterable[dict[str, PlannedModel]], day: date
) -> list[OwnPrice]:
    """Return the user's own price of each model, where it is furthest below what others say.

    Args:
        experiment: says where the models' providers are.
        models: the planned ones and those priced today, by written name: what others say may have
            changed in between.
        day: today.
    """
    return find_own_prices(load_providers(experiment.spec.providers), models, day)


def find_own_prices(
    providers: Mapping[str, Provider], models: Iterable[Mapping[str, PlannedModel]], day: date
) -> list[OwnPrice]:
    """Return the user's own price of each model, where it is furthest below what others say.

    Args:
        providers: by name, where the models are.
        models: as of `list_own_prices`.
        day: today.
    """
    found: dict[ModelName, OwnPrice] = {}
    for each in (model for group in models for model in group.values()):
        if each.offer.user_chosen:
            own_server = find_service(providers[each.name.provider]) is None
            price = _compare(each.name, each.offer, day, own_server=own_server)
            earlier = found.get(each.name)
            if earlier is None or price.below > earlier.below:
                found[each.name] = price
    return list(found.values())


def _compare(name: ModelName, offer: Offer, day: date, *, own_server: bool) -> OwnPrice:
    others = offer.alternatives
    cards = list(_own_cards(offer, day))
    pairs = [(own, other) for own in cards for other in others]
    below = max((underpricing_ratio(*pair) for pair in pairs), default=Decimal(1))
    above = max((underpricing_ratio(other, own) for own, other in pairs), default=Decimal(1))
    return OwnPrice(name, cards[0], others, below, above, own_server)


def _own_cards(offer: Offer, day: date) -> Iterator[RateCard]:
    """Yield what is billed, and the standard price that may be billed instead."""
    yield offer.tariff.typical(day)
    if offer.standard is not None:
        yield offer.standard.typical(day)
