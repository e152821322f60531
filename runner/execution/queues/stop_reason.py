"""Why an execution ended."""

from __future__ import annotations

from enum import StrEnum


class StopReason(StrEnum):
    """Why an execution ended."""

    COMPLETE = "complete"  # every request is answered
    CAP = "cap"  # what is free cannot pay for the next job
    INTERRUPTED = "interrupted"  # the user stopped it
    EXPIRED = "expired"  # the approval ended meanwhile
    STOPPED = "stopped"  # a breach, or a provider or a model that is asked nothing more
    FAILED = "failed"  # all was tried, some requests could not be answered
    SHOWN = "shown"  # a sequential test showed its gap before all was asked
    JUDGED = "judged"  # every stored answer is judged; subject requests are left, unsent
    AWAY = "away"  # batches are at their providers; the next execution collects them
    PILOT = "pilot"  # the pilot is complete; the rest of the plan is left, unsent
