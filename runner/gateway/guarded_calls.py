"""The answered calls of a guarded program, one by one, as its ledger has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from runner.errors import BadRun
from runner.gateway.guard_folder import GuardFolder
from runner.ledger import AnsweredCall, read_ledger


def read_calls(folder: GuardFolder, models: Collection[str] = ()) -> Iterator[AnsweredCall]:
    """Yield a program's answered calls; prompts are not kept, so they have none.

    Args:
        folder: of the program.
        models: only of these, as `provider/model`; empty for all.

    Raises:
        BadRun: no call was of one of them.
        LedgerError: its ledger cannot be read.
    """
    with read_ledger(folder.ledger_location) as reader:
        known = reader.booked_by_model()
        for each in models:
            if each not in known:
                there = ", ".join(known) or "none yet"
                raise BadRun(f"{folder.path} has no calls of {each}; models: {there}")
        for call in reader.answered_calls():
            if not models or call.attempt.model in models:
                yield call
