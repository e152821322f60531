"""Resume state: what earlier executions of a plan left in its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from experiment.prompts import VERDICT_MARK, RequestBuilder
from experiment.scoring import Completion
from providers.capabilities import repeats_prompt
from runner.billing import find_excess
from runner.execution.queues import rename_verdicts
from runner.ledger import Ledger, LedgerReader


@dataclass(frozen=True, slots=True)
class ResumeState:
    """What an execution begins with; empty for the first one.

    Attributes:
        answered: request id -> its answer.
        last_attempts: request id -> the number of its last attempt.
        bound_excess: written model name -> by how many tokens its billed prompts exceeded our bound
            so far, at most.
        repeats: written names of models that billed a prompt for each of several answers to it.
    """

    answered: dict[str, Completion] = field(default_factory=dict)
    last_attempts: dict[str, int] = field(default_factory=dict)
    bound_excess: dict[str, int] = field(default_factory=dict)
    repeats: frozenset[str] = frozenset()

    @classmethod
    def from_ledger(
        cls, ledger: Ledger | LedgerReader, requests: RequestBuilder | None = None
    ) -> Self:
        """Read the state of an open ledger.

        Args:
            ledger: open for writing, or for reading.
            requests: of its plan, to find the verdicts that an earlier version named otherwise.

        Of a shared one only the excess: what its requests have had comes with each job from the
        queue, because other workers go on answering them.
        """
        excess, repeats = _find_excess(ledger)
        if ledger.is_shared:
            return cls(bound_excess=excess, repeats=repeats)
        answered = ledger.answered_completions()
        earlier = ledger.attempts_of_unmarked_verdicts(VERDICT_MARK) if requests else []
        if requests and earlier:
            for request, attempt in rename_verdicts(requests, earlier):
                if attempt.completion is not None:
                    answered.setdefault(request, attempt.completion)
        return cls(answered, ledger.last_attempt_numbers(), excess, repeats)


def _find_excess(ledger: Ledger | LedgerReader) -> tuple[dict[str, int], frozenset[str]]:
    """Return by how much prompts exceeded our bound, and who billed one for each answer to it."""
    excess, repeats = ledger.bound_excess(), set()
    for each in ledger.joint_prompts():
        if repeats_prompt(each.counted, each.billed, each.answers):
            repeats.add(each.model)
        more = find_excess(each.counted, each.bound, each.billed, each.answers)
        excess[each.model] = max(excess.get(each.model, 0), more)
    return excess, frozenset(repeats)
