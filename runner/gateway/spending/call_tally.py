"""CallTally: what became of a program's calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CallTally:
    """What became of a program's calls.

    Attributes:
        sent: provider -> calls that were admitted.
        free: calls that cost nothing, such as lists of models.
        at_cap: option of a cap -> calls that it could not pay for.
        tools: that made such calls, as far as the calls tell.
        refused: why others were refused -> how often.
        stopped: why nothing more is sent; empty while calls are.
        samples_at_cap: samples of an evaluation that it could not pay for; none of their calls was
            sent.
        unbounded: models whose reasoning `max_tokens` does not limit, so that a call may cost more
            than was reserved for it; the first that does stops all others.
    """

    sent: Counter[str] = field(default_factory=Counter)
    free: int = 0
    at_cap: Counter[str] = field(default_factory=Counter)
    tools: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    samples_at_cap: int = 0
    unbounded: set[str] = field(default_factory=set)
