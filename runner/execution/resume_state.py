"""Resume state: what earlier executions of a plan left in its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from experiment.prompts import VERDICT_MARK, RequestBuilder
from experiment.scoring import Completion
from runner.execution.earlier_verdicts import rename_verdicts
from runner.ledger import Ledger, LedgerReader


@dataclass(frozen=True, slots=True)
class ResumeState:
    """What an execution begins with; empty for the first one.

    Attributes:
        answered: request id -> its answer.
        last_attempts: request id -> the number of its last attempt.
        bound_excess: written model name -> by how many tokens its billed prompts exceeded our bound
            so far, at most.
    """

    answered: dict[str, Completion] = field(default_factory=dict)
    last_attempts: dict[str, int] = field(default_factory=dict)
    bound_excess: dict[str, int] = field(default_factory=dict)

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
        excess = ledger.bound_excess()
        if ledger.is_shared:
            return cls(bound_excess=excess)
        answered = ledger.answered_completions()
        earlier = ledger.attempts_of_unmarked_verdicts(VERDICT_MARK) if requests else []
        if requests and earlier:
            for request, attempt in rename_verdicts(requests, earlier):
                if attempt.completion is not None:
                    answered.setdefault(request, attempt.completion)
        return cls(answered, ledger.last_attempt_numbers(), excess)
