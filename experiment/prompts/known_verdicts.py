"""Known answers: what came back for requests, and the verdicts of judges that others wait for."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from experiment.scoring import Completion


class KnownAnswers(Container[str], Protocol):
    """What came back for requests: a dictionary by their ids, or what reads a ledger when asked."""

    def get(self, request: str, /) -> Completion | None:
        """Return what came back for a request; None where nothing did."""
        ...


@dataclass(frozen=True, slots=True)
class KnownVerdicts:
    """The verdicts that are known; the collections may go on to change.

    Attributes:
        answered: request id -> what came back, of any requests.
        pending: ids of those that are being asked, also of some that were answered before.
        given_up: ids of those that get no answer; what the others say is all that is said.
    """

    answered: KnownAnswers = field(default_factory=dict[str, Completion])
    pending: Container[str] = frozenset()
    given_up: Container[str] = frozenset()

    def find(self, ids: Iterable[str]) -> list[Completion] | None:
        """Return what came back for requests; None where one of them is still to be answered."""
        found = []
        for each in ids:
            if each in self.pending:
                return None
            if (said := self.answered.get(each)) is not None:
                found.append(said)
            elif each not in self.given_up:
                return None
        return found


NO_VERDICTS = KnownVerdicts()
