"""What an estimate and a report say about hidden reasoning: which model does it, and where.

A condition without a chain of thought is none on a model that reasons before it answers; that is
said, because it changes what the experiment measures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from estimator.forecast import describe_level
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT, ExperimentSpec, Use, list_uses
from providers.capabilities import Capability, ReasoningState, can_stop, find_reasoning

_TEXT = {
    "full": "its text comes back",
    "summary": "a summary of it comes back",
    "none": "its text does not come back",
    "unknown": "unseen",
}
_UNREASONED = re.compile(
    r"(no|non|without)[-_ ]?(cot|chain[-_ ]of[-_ ]thought|reasoning|thinking|scratchpad)",
    re.IGNORECASE,
)


def list_reasoning_notes(
    spec: ExperimentSpec, models: Mapping[str, PlannedModel], *, only_hidden: bool = False
) -> Iterator[str]:
    """Yield whether models reason before they answer, and by whose word; those that are alike once.

    Args:
        spec: of the experiment.
        models: written name -> planned model.
        only_hidden: leave out models that do not reason by themselves.
    """
    states: dict[tuple[str, ReasoningState], dict[str, None]] = {}
    for use in list_uses(spec):
        state = find_reasoning(models[use.model].capability, use.sampling)
        states.setdefault((use.model, state), {})[_name_use(use)] = None
    alike: dict[str, list[str]] = {}
    for (written, state), uses in states.items():
        if only_hidden and state.on is False and not state.asked:
            continue
        several = sum(other == written for other, _ in states) > 1
        where = f" ({', '.join(uses)})" if several else ""
        capability = models[written].capability
        alike.setdefault(f"{_describe_state(capability, state)}{where}", []).append(written)
    for described, named in alike.items():
        names = ", ".join(str(models[written].name) for written in named)
        yield f"{names}{': each' if len(named) > 1 else ''} {described}"


def list_unreasoned_conflicts(
    spec: ExperimentSpec, models: Mapping[str, PlannedModel]
) -> Iterator[str]:
    """Yield which conditions are without a chain of thought in name only, and at which models.

    Models of which the same is true are named together.

    Args:
        spec: of the experiment.
        models: written name -> planned model.
    """
    levels = set(_find_unreasoned_levels(spec))
    found: dict[tuple[str, str], list[str]] = {}
    for use in list_uses(spec):
        capability = models[use.model].capability
        state = find_reasoning(capability, use.sampling)
        if use.stage == SUBJECT and state.on and levels & set(use.condition.levels.items()):
            mend = _describe_mend(capability)
            found.setdefault((use.model, mend), []).append(use.condition.name)
    alike: dict[tuple[str, str], list[str]] = {}
    for (written, mend), names in found.items():
        which = f"condition {names[0]} is"
        if len(names) > 1:
            which = f"conditions {', '.join(names)} are"
        alike.setdefault((which, mend), []).append(str(models[written].name))
    for (which, mend), named in alike.items():
        yield (
            f"{', '.join(named)}: {which} not without reasoning, because hidden reasoning comes "
            f"before the answer ({mend})"
        )


def _name_use(use: Use) -> str:
    return use.condition.name if use.stage == SUBJECT else f"judge {use.stage}"


def _describe_state(capability: Capability, state: ReasoningState) -> str:
    if state.on is None:
        return "may reason before it answers, which is not known: the forecast is wide"
    if not state.on:
        if state.asked:
            return "does not reason before it answers: turned off, as asked"
        asked = capability.reasons == "on_request"
        return f"does not reason before it answers{' unless asked to' if asked else ''}"
    how = {"always": "always reasons", "default": "reasons by default"}.get(capability.reasons)
    if state.asked and capability.reasons != "always":
        how = "reasons, as asked,"
    text = _TEXT.get(capability.text, "unseen")
    return f"{how or 'reasons'} before it answers{describe_level(state)}; {text}, billed as output"


def _describe_mend(capability: Capability) -> str:
    if can_stop(capability):
        return "turn it off there with `sampling: {reasoning: off}`"
    return "which cannot be turned off"


def _find_unreasoned_levels(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    """Yield factor and level where no reasoning is written.

    That is so where another level of the factor is expected to give a scratchpad, or by its name.
    """
    for factor, levels in spec.factors.items():
        reasoned = {level for level in levels if spec.expect.get(level) == "scratchpad"}
        for level in levels:
            if level not in reasoned and (reasoned or _UNREASONED.fullmatch(level)):
                yield factor, level
