"""Fields that are sent as they stand, and of which it is not known what they do to the price.

At a server of the user's own such a field costs nothing that afcost could know. At a paid API an
approver must confirm it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from estimator.workload.planned_model import PlannedModel
from experiment.definition import Experiment, is_known_field, list_uses
from providers.addresses import find_service
from providers.provider import Provider
from providers.registry import load_providers


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field in `extra` with an unknown effect on the price.

    Attributes:
        stage: the subject or a judge.
        name: the field's.
        provider: where it is sent.
        is_paid: whether that is a provider's paid API, not a server of the user's own.
    """

    stage: str
    name: str
    provider: str
    is_paid: bool


def list_unknown_fields(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> list[UnknownField]:
    """Return every field with an unknown effect on the price, once for each stage and provider."""
    known = load_providers(experiment.spec.providers)
    found = (
        UnknownField(use.stage, field, provider.name, find_service(provider) is not None)
        for use in list_uses(experiment.spec)
        for provider in [known[models[use.model].name.provider]]
        for field in _find_unknown_fields(provider, use.sampling)
    )
    return list(dict.fromkeys(found))


def _find_unknown_fields(provider: Provider, sampling: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields in `extra` that are on no list, or mean routing without a highest price."""
    for name in sampling.get("extra") or {}:
        if not is_known_field(name) or (name == "provider" and not provider.max_price):
            yield name
