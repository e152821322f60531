"""CallSize: what a call comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallSize:
    """What a call comes to, or may: pico-dollars, and tokens of prompt and answer together."""

    pico: int = 0
    tokens: int = 0
