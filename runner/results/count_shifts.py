"""Count shifts: what turns the counts of earlier plans into those of the run's own plan.

An offset that was learned from the bills of one plan is in the counts of the next. Bills are
compared with counts that all have the same offset: what is in some and not in others is no
difference between bills.
"""

from __future__ import annotations

from estimator.plan import Plan
from runner.ledger import LedgerReader
from runner.run_folder import RunFolder, list_earlier_plans


def find_count_shifts(run_folder: RunFolder, reader: LedgerReader) -> dict[str, dict[str, int]]:
    """Return model -> id of an attempt -> how many tokens the run's plan counts more for it.

    Args:
        run_folder: of the run.
        reader: of its ledger.

    Returns:
        only models of which an earlier plan had another offset; they have their written names.
    """
    own = _list_offsets(run_folder.plan)
    shifts: dict[str, dict[str, int]] = {}  # plan -> model, as it is named -> tokens
    for plan in list_earlier_plans(run_folder.path):
        earlier = _list_offsets(plan)
        changed = {name: own[name] - earlier[name] for name in own.keys() & earlier.keys()}
        if any(changed.values()):
            shifts[plan.digest] = changed
    if not shifts:
        return {}
    found: dict[str, dict[str, int]] = {written: {} for written in run_folder.plan.models}
    for attempt, digest in reader.attempts_of_plans(shifts):
        for written, model in run_folder.plan.models.items():
            if tokens := shifts[digest].get(str(model.name)):
                found[written][attempt] = tokens
    return found


def _list_offsets(plan: Plan) -> dict[str, int]:
    return {str(model.name): model.counting.offset or 0 for model in plan.models.values()}
