"""Known answers: what came back for requests, looked for by their ids."""

from __future__ import annotations

from collections.abc import Container
from typing import Protocol

from experiment.scoring import Completion


class KnownAnswers(Container[str], Protocol):
    """What came back for requests: a dictionary by their ids, or what reads a ledger when asked."""

    def get(self, request: str, /) -> Completion | None:
        """Return what came back for a request; None where nothing did."""
        ...
