"""Assumptions and warnings: what an estimate is based on, in words."""

from __future__ import annotations

from collections.abc import Iterator

from estimator.counting import Exactness, describe_added_fields
from estimator.forecast import OutputLength
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import Experiment, list_uses


def list_assumptions(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    lengths: dict[StratumKey, OutputLength],
) -> Iterator[str]:
    """Yield what an estimate assumes about lengths, prefills, counts and judges.

    Args:
        experiment: what is estimated.
        models: written name -> planned model.
        lengths: stratum -> expected output of one request.
    """
    for length in lengths.values():
        yield f"output of {length.kind}s ({length.basis}): {length.source}"
    prefilled = experiment.spec.messages[-1].role == "assistant"
    for written, model in models.items():
        family, tokenizer = model.family, model.tokenizer
        if prefilled and written in experiment.spec.models:
            if model.prefill:
                yield f"{model.name}: it continues from the prefill, counted as an open turn"
            else:
                yield f"{model.name}: it does not support prefill, none is sent"
        if tokenizer.exactness is not Exactness.EXACT:
            yield f"input of {model.name} is {tokenizer.exactness}: {tokenizer.error}"
        if family.note and not model.counting.source:
            yield f"input of {model.name}: {family.note}"
        temperature = model.capability.fields.get("temperature")
        if temperature is not None and temperature.taken == "own":
            yield f"{model.name} sets its own temperature: none is sent"
    yield from _list_added_fields(experiment)
    for judge in experiment.spec.judges:
        yield f"judge {judge.name}: its prompts are counted, the answers in them are forecast"
        if judge.when != "always":
            yield f"judge {judge.name} counted for every answer; `when: {judge.when}` skips some"


def _list_added_fields(experiment: Experiment) -> Iterator[str]:
    """Yield which uses have fields that add to their prompts, each once."""
    adding = (use for use in list_uses(experiment.spec) if describe_added_fields(use.sampling))
    found = ((use.stage, use.model, describe_added_fields(use.sampling)) for use in adding)
    for stage, model, added in dict.fromkeys(found):
        yield f"input of {stage} {model}: {added}"


def list_warnings(models: dict[str, PlannedModel]) -> list[str]:
    """List the models whose context window is unknown."""
    return [
        f"the context window of {model.name} is unknown and was not checked"
        for model in models.values()
        if model.window is None
    ]
