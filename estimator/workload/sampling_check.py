"""Sampling fields of which it is not known what they do to the price, and where they are sent.

At a server of the user's own such a field costs nothing that afcost could know. At a paid API it is
refused unless it stands in `extra`, and then an approver confirms it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from estimator.workload.planned_model import PlannedModel
from experiment.definition import EXTRA, Experiment, list_unknown_names, list_uses
from experiment.errors import BadExperiment
from providers.addresses import find_service
from providers.provider import Provider
from providers.registry import load_providers


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A sampling field with an unknown effect on the price.

    Attributes:
        stage: the subject or a judge.
        name: the field's.
        provider: where it is sent.
        is_paid: whether that is a provider's paid API, not a server of the user's own.
        is_extra: whether it stands in `extra`: the author says that it is to be sent as it is.
    """

    stage: str
    name: str
    provider: str
    is_paid: bool
    is_extra: bool


def list_unknown_fields(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> list[UnknownField]:
    """Return every sampling field with an unknown effect on the price, once for each provider."""
    known = load_providers(experiment.spec.providers)
    found = (
        UnknownField(
            use.stage,
            field,
            provider.name,
            find_service(provider) is not None,
            field in (use.sampling.get(EXTRA) or ()),
        )
        for use in list_uses(experiment.spec)
        for provider in [known[models[use.model].name.provider]]
        for field in (
            *list_unknown_names(use.sampling),
            *_misplaced_fields(provider, use.sampling),
        )
    )
    return list(dict.fromkeys(found))


def refuse_undeclared_fields(experiment: Experiment, models: Mapping[str, PlannedModel]) -> None:
    """Refuse fields that a paid API may charge for, unless they stand in `extra`.

    Raises:
        BadExperiment: names every field, where it is sent, and what to do.
    """
    lines = [
        f"{experiment.path}: sampling of {each.stage}: {each.name} is not known to leave the price "
        f"at {each.provider} as it is; remove it or, if you know that it costs nothing there, "
        f"write it in  sampling: {{extra: {{{each.name}: …}}}}"
        for each in list_unknown_fields(experiment, models)
        if each.is_paid and not each.is_extra
    ]
    if lines:
        raise BadExperiment("\n".join(lines))


def _misplaced_fields(provider: Provider, sampling: Mapping[str, Any]) -> Iterator[str]:
    """Yield a field that means routing, where no highest price is sent along with it."""
    if "provider" in sampling and not provider.max_price:
        yield "provider"
