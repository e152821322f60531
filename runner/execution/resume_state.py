"""Resume state: what earlier executions of a plan left in its ledger, of all jobs together.

What a job's requests have had comes with each job from the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from providers.capabilities import repeats_prompt
from runner.billing import find_excess
from runner.ledger import Ledger, LedgerReader


@dataclass(frozen=True, slots=True)
class ResumeState:
    """What an execution begins with; empty for the first one.

    Attributes:
        bound_excess: written model name -> by how many tokens its billed prompts exceeded our bound
            so far, at most.
        repeats: written names of models that billed a prompt for each of several answers to it.
    """

    bound_excess: dict[str, int] = field(default_factory=dict)
    repeats: frozenset[str] = frozenset()

    @classmethod
    def from_ledger(cls, ledger: Ledger | LedgerReader) -> Self:
        """Read the state of a ledger, open for writing or for reading."""
        excess, repeats = ledger.bound_excess(), set()
        for each in ledger.joint_prompts():
            if repeats_prompt(each.counted, each.billed, each.answers):
                repeats.add(each.model)
            more = find_excess(each.counted, each.bound, each.billed, each.answers)
            excess[each.model] = max(excess.get(each.model, 0), more)
        return cls(excess, frozenset(repeats))
