"""Warnings of a sweep that a model has no part in: levels that send it the same requests.

A level may change no more than `sampling`, such as a temperature. Where the model is not sent that
field, its answers at all levels are draws of one condition, and are paid for all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from estimator.workload import PlannedModel, SentUse
from experiment.definition import SUBJECT, Condition, Experiment


def list_idle_levels(
    experiment: Experiment, models: Mapping[str, PlannedModel], sent: Sequence[SentUse]
) -> Iterator[str]:
    """Yield which levels of a factor send the same requests, and to which models.

    Args:
        experiment: what is estimated.
        models: written name -> planned model.
        sent: what each use of a model sends.
    """
    conditions = list(experiment.conditions())
    alike: dict[tuple[str, str], list[str]] = {}
    for factor in _find_sweeps(experiment):
        for written in experiment.spec.models:
            for levels, where in _find_idle(factor, written, conditions, sent):
                said = f"levels {levels} of {factor} send the same requests{where}"
                alike.setdefault((said, factor), []).append(str(models[written].name))
    for (said, factor), names in alike.items():
        yield (
            f"{', '.join(names)}: {said}, and all of them are paid for; to pay once, leave "
            f"{factor} out there, in a study of its own"
        )


def _find_sweeps(experiment: Experiment) -> Iterator[str]:
    """Yield the factors whose levels differ in nothing but `sampling`."""
    for factor, levels in experiment.spec.factors.items():
        changed = any("sampling" in given for given in levels.values())
        variables = [{**given, "sampling": None} for given in levels.values()]
        if changed and all(each == variables[0] for each in variables):
            yield factor


def _find_idle(
    factor: str, written: str, conditions: Sequence[Condition], sent: Sequence[SentUse]
) -> Iterator[tuple[str, str]]:
    """Yield levels that send a model the same, and in which conditions if not in all."""
    bodies = {
        condition: repr((use.fields, use.has_prefill))
        for use in sent
        if (use.stage, use.model) == (SUBJECT, written)
        for condition in use.conditions or [each.name for each in conditions]
    }
    cells: dict[tuple[str, str], list[Condition]] = {}
    for condition in conditions:
        others = repr({name: at for name, at in condition.levels.items() if name != factor})
        cells.setdefault((others, bodies[condition.name]), []).append(condition)
    found: dict[tuple[str, ...], list[str]] = {}
    for same in cells.values():
        if len(same) > 1:
            levels = tuple(condition.levels[factor] for condition in same)
            found.setdefault(levels, []).extend(condition.name for condition in same)
    for levels, names in found.items():
        every = [each for each in conditions if each.levels[factor] in levels]
        yield ", ".join(levels), "" if len(names) == len(every) else f" in {', '.join(names)}"
