"""Written prefills: which prefills an experiment writes, and whether its models are sent them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally_cache import load_notes, save_notes
from experiment.definition import SUBJECT, Experiment, Use
from experiment.prompts import read_templates
from providers.capabilities import cite

if TYPE_CHECKING:  # it imports jinja2
    from experiment.prompts import Templates

_NOTES = "prefills"  # what they are kept as


class WrittenPrefills:
    """The prefills of an experiment's first query, and whether each model takes them."""

    def __init__(self, experiment: Experiment, models: Mapping[str, PlannedModel]) -> None:
        self._models = models
        self._first = _find_prefills(experiment)

    def find_sent(self, use: Use) -> str:
        """Return the prefill of a use for the first query; empty where none is sent."""
        takes = self._models[use.model].takes_prefill(use.sampling)
        return self._find_written(use) if takes else ""

    def describe_left_out(self, use: Use) -> Iterator[str]:
        """Yield why the prefill that the experiment writes is not sent."""
        model = self._models[use.model]
        if not self._find_written(use) or model.takes_prefill(use.sampling):
            return
        source = cite(model.capability) if model.capability.prefill is False else ""
        if model.prefill:
            source, stops = cite(model.capability), model.capability.reasons != "always"
            mend = "; with `reasoning: off` one would be" * stops
            yield f"no prefill is sent: the model takes none while it reasons{source}{mend}"
        else:
            yield f"no prefill is sent: the model does not support one{source}"

    def _find_written(self, use: Use) -> str:
        return self._first.get((use.stage, use.condition.name), "")


def _find_prefills(experiment: Experiment) -> dict[tuple[str, str], str]:
    """Return the prefills of the first query, by stage and condition, rendered or kept."""
    kept = load_notes(experiment, _NOTES)
    if kept is not None:
        places, texts = [json.loads(each) for each in kept[::2]], kept[1::2]
        return {
            (stage, condition): text for (stage, condition), text in zip(places, texts, strict=True)
        }
    templates = read_templates(experiment, limited=True)
    prefills = dict(_render_prefills(experiment, templates))
    notes = (note for place, text in prefills.items() for note in (json.dumps(place), text))
    save_notes(experiment, _NOTES, list(notes), templates.named_files)
    return prefills


def _render_prefills(
    experiment: Experiment, templates: Templates
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the prefills of the first query: of each stage that has one, in each condition."""
    spec = experiment.spec
    judged = {"output": "", "reasoning": ""}
    stages = [(SUBJECT, spec.messages, {}), *((j.name, j.messages, judged) for j in spec.judges)]
    for stage, messages, answer in stages:
        if messages[-1].role != "assistant":
            continue
        for condition in experiment.conditions():
            variables = (
                experiment.list_query_variables(0)
                | condition.variables
                | {"query": experiment.queries[0]}
                | answer
            )
            where = "messages" if stage == SUBJECT else f"judges.{stage}.messages"
            where = f"{where}[{len(messages) - 1}]"
            text = templates.render(messages[-1].content, variables, where, condition.name)
            yield (stage, condition.name), text
