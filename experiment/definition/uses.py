"""Uses: what an experiment does with its models, each with the sampling fields of its requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from experiment.definition.experiment import Condition, cross_factors
from experiment.definition.judge import Judge
from experiment.definition.judges import VERDICT_SCHEMA
from experiment.definition.sampling import SamplingChanges, change_sampling, merge_extra
from experiment.definition.schema import SUBJECT, ExperimentSpec

# Fields by which an experiment itself decides what form an answer has.
_OWN_FORMS = frozenset(
    {
        *("response_format", "response_schema", "response_json_schema", "json_schema", "text"),
        *("guided_json", "guided_regex", "guided_choice", "guided_grammar", "grammar"),
        *("structured_outputs", "responseSchema", "responseJsonSchema"),
    }
)


class Batching(StrEnum):
    """Whether a use is asked in batches: never, where its model has a known price, or always."""

    NO, WHERE_PRICED, YES = "no", "where priced", "yes"


@dataclass(frozen=True, slots=True)
class Use:
    """A stage of a model in a condition; all of its requests have the same sampling fields.

    Attributes:
        stage: `subject`, or a judge's name.
        model: the model's name as the experiment writes it.
        condition: the cell of the crossed factors.
        sampling: the fields of its requests, `max_tokens` among them; of a judge that names its
            verdict also `verdict_schema`, which is sent only where its model takes it.
        samples: of each query, or votes of a judge.
        batching: whether it is asked in batches.
    """

    stage: str
    model: str
    condition: Condition
    sampling: dict[str, Any]
    samples: int
    batching: Batching = Batching.NO


def list_uses(spec: ExperimentSpec) -> Iterator[Use]:
    """Yield every use: by condition, the subject models before the judges.

    A subject's fields are the experiment's own, changed by its model's, then by those of the
    condition's levels.
    """
    own = spec.sampling.request_fields()
    subjects = [(each, change_sampling(own, each.sampling)) for each in spec.subjects]
    judges = [(judge, _list_judge_fields(judge)) for judge in spec.judges]
    for condition in cross_factors(spec):
        changes = _list_level_changes(spec, condition)
        for model, fields in subjects:
            sampling = _change_by_levels(fields, changes)
            how = _choose_batching(model.batch, spec)
            yield Use(SUBJECT, model.name, condition, sampling, spec.samples, how)
        for judge, fields in judges:
            how = _choose_batching(judge.batch, spec)
            yield Use(judge.name, judge.model, condition, fields, judge.samples, how)


def _choose_batching(own: bool | None, spec: ExperimentSpec) -> Batching:  # noqa: FBT001 - of the file
    """Return whether a model is asked in batches, by what is said of it or of all."""
    if own is None:
        return Batching.WHERE_PRICED if spec.batch else Batching.NO
    return Batching.YES if own else Batching.NO


def _list_judge_fields(judge: Judge) -> dict[str, Any]:
    """Return a judge's fields, with its schema where nothing else shapes its text.

    An answer that continues a prefill cannot be held to a schema.
    """
    fields = judge.sampling.request_fields()
    given = merge_extra(fields)
    held = given.get("output_config")
    has_own = not _OWN_FORMS.isdisjoint(given) or (isinstance(held, dict) and "format" in held)
    has_prefill = judge.messages[-1].role == "assistant"
    if judge.verdict is None or not judge.verdict.structured or has_own or has_prefill:
        return fields
    return fields | {VERDICT_SCHEMA: judge.verdict.to_response_format()}


def _list_level_changes(spec: ExperimentSpec, condition: Condition) -> list[SamplingChanges]:
    """Return what the levels of a condition change; no two of them set a field differently."""
    levels = (spec.factors[factor][level] for factor, level in condition.levels.items())
    return [level["sampling"] for level in levels if "sampling" in level]


def _change_by_levels(fields: dict[str, Any], changes: list[SamplingChanges]) -> dict[str, Any]:
    for each in changes:
        fields = change_sampling(fields, each)
    return fields
