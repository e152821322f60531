"""Calibration update: compare a run's bills with our token counts, for later estimates."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from estimator.counting import (
    CalibrationRecord,
    Exactness,
    calibration_key,
    calibration_path,
    compare_with_bills,
    save_calibration,
    vocabulary_id,
)
from estimator.plan import Plan
from providers.capabilities import repeats_prompt
from providers.provider import Provider
from runner.ledger import Location, read_ledger


def update_calibration(
    plan: Plan, location: Location, providers: dict[str, Provider], day: date
) -> dict[str, CalibrationRecord]:
    """Compare each model's billed tokens with our counts, and save the corrections.

    Args:
        plan: what was run.
        location: of the run.
        providers: every provider by name.
        day: the day of the bills.

    Returns:
        What was learned, by provider and model. Models that their provider counts are left out.
    """
    pairs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with read_ledger(location) as reader:
        for prompt in reader.billed_prompts(plan.digest):
            model = plan.models[prompt.model]
            if repeats_prompt(prompt.counted, prompt.billed, prompt.answers):
                continue  # that says nothing of how long one prompt is
            if model.own_vocabulary and prompt.exactness == Exactness.APPROXIMATE:
                continue  # fields of the request, such as a schema, are billed beside the frame
            offset = model.counting.offset or 0
            pairs[prompt.model].append((prompt.counted - offset, prompt.billed))
    learned = {}
    for written, found in pairs.items():
        model = plan.models[written]
        if model.counting.endpoint:
            continue
        tokenizer = vocabulary_id(model.name.id, model.counting)
        record = compare_with_bills(tokenizer, found, day, exact=model.own_vocabulary)
        if record is not None:
            name = calibration_key(providers[model.name.provider], model.name.id)
            learned[name] = record
    save_calibration(calibration_path(), learned)
    return learned
