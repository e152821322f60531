"""Sampling fields of which it is not known what they do to the price, and where they are sent.

At a server of the user's own such a field costs nothing that afcost could know. At a paid API it is
refused until the experiment file declares it free, and then an approver confirms it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from estimator.workload.planned_model import PlannedModel
from experiment.definition import SUBJECT, Experiment, Sampling
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
    """

    stage: str
    name: str
    provider: str
    is_paid: bool


def list_unknown_fields(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> list[UnknownField]:
    """Return every sampling field with an unknown effect on the price, once for each provider."""
    spec, known = experiment.spec, load_providers(experiment.spec.providers)
    uses = [(SUBJECT, model, spec.sampling) for model in spec.models]
    uses += [(judge.name, judge.model, judge.sampling) for judge in spec.judges]
    found = (
        UnknownField(stage, field, provider.name, find_service(provider) is not None)
        for stage, written, sampling in uses
        for provider in [known[models[written].name.provider]]
        for field in (*sampling.unknown_fields(), *_misplaced_fields(provider, sampling))
    )
    return list(dict.fromkeys(found))


def refuse_undeclared_fields(experiment: Experiment, models: Mapping[str, PlannedModel]) -> None:
    """Refuse fields that a paid API may charge for, unless the experiment file declares them free.

    Raises:
        BadExperiment: names every field, where it is sent, and what to do.
    """
    lines = [
        f"{experiment.path}: sampling of {each.stage}: {each.name} is not known to leave the price "
        f"at {each.provider} as it is; remove it or, if you know that it costs nothing there, "
        f"declare it:  free_fields: [{each.name}]"
        for each in list_unknown_fields(experiment, models)
        if each.is_paid and each.name not in experiment.spec.free_fields
    ]
    if lines:
        raise BadExperiment("\n".join(lines))


def _misplaced_fields(provider: Provider, sampling: Sampling) -> Iterator[str]:
    """Yield a field that means routing, where no highest price is sent along with it."""
    if "provider" in sampling.request_fields() and not provider.max_price:
        yield "provider"
