"""Lengths: how many output tokens the answers of a stratum have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SHARES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}


@dataclass(frozen=True, slots=True)
class Lengths:
    """The output tokens of answers; of one that was written in several turns, those of all.

    Attributes:
        answers: how many there are.
        tokens: of all of them.
        quantiles: name -> tokens; `q50` is the median.
    """

    answers: int
    tokens: int
    quantiles: dict[str, float]

    @property
    def mean(self) -> float:
        """The average answer's tokens."""
        return self.tokens / self.answers

    def to_json(self) -> dict[str, float]:
        """Return the figures in tokens."""
        return {"answers": self.answers, "mean": round(self.mean, 2), **self.quantiles}


def measure_lengths(tokens: Sequence[int]) -> Lengths | None:
    """Return the lengths of answers, of which each has so many tokens; None without any."""
    if not tokens:
        return None
    ordered = sorted(tokens)
    quantiles = {name: round(_find_quantile(ordered, p), 2) for name, p in _SHARES.items()}
    return Lengths(len(ordered), sum(ordered), quantiles)


def _find_quantile(ordered: Sequence[int], p: float) -> float:
    """Return a quantile by linear interpolation (Hyndman and Fan 1996, definition 7)."""
    place = p * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
