"""Speed: how long a model at its address takes to answer, and how sure that is.

A call takes the time to its first token, and some time for each token of its output, hidden
reasoning included. Both come from calls that were timed on this machine or, without any, from
`rates.yaml`: what providers and others published, or a prior of the model's class.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pricing.data_files import read_data_file

FEWEST_TIMED = 5  # calls, before they count
MOST_TIMED = 500  # calls, the newest; more say no more of how fast a model is now
Z90 = 1.6448536  # standard deviations to either end of a 90 % range
_FILE = Path(__file__).with_name("rates.yaml")
# The standard deviation of the logarithm of a model's mean time between one run and the next, and
# within one: a judgment, from how loads of hosts change over a day.
_DRIFT = {"history": 0.20, "pilot": 0.10}


class TimedCall(NamedTuple):
    """How long an answered call took.

    Attributes:
        output: tokens.
        seconds: from when it was sent until it was answered.
    """

    output: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model answers.

    Attributes:
        first: seconds to the first token.
        per_token: seconds for each token of output.
        sigma: standard deviation of the logarithm of the time of an average call.
        basis: `prior`, `documented`, or where it was timed `history` or `pilot`.
        source: where the figure comes from.
    """

    first: float
    per_token: float
    sigma: float
    basis: str
    source: str

    @property
    def is_measured(self) -> bool:
        """Whether calls were timed."""
        return self.basis in _DRIFT

    @property
    def tokens_a_second(self) -> float | None:
        """The tokens of output in a second; None where calls do not tell their time apart."""
        return 1 / self.per_token if self.per_token > 0 else None

    @property
    def factor(self) -> float:
        """How far the time of a call lies from the likely one in 90 % of cases: x or ÷."""
        return self.scale(Z90)

    def scale(self, z: float) -> float:
        """Return how many times its likely time a call takes, so many deviations above it."""
        return math.exp(self.sigma * z)


def find_prior_speed(name: str) -> Speed:
    """Return how fast a model of which no call was timed is taken to be.

    Args:
        name: of the model with its provider, `provider/id`.
    """
    row = next(each for each in _load_file()["speeds"] if re.search(each["model"], name))
    return Speed(
        first=float(row["first_token_s"]),
        per_token=1 / float(row["tokens_per_s"]),
        sigma=math.log(float(row["factor"])) / Z90,
        basis=str(row["basis"]),
        source=f"{row['source']}, read on {row['checked']}",
    )


def slow_to_flex(speed: Speed) -> Speed:
    """Return how fast a model answers calls of a lower priority, as the file says of all."""
    row = _load_file()["flex"]
    times, spread = float(row["times"]), math.log(float(row["factor"])) / Z90
    return replace(
        speed,
        first=speed.first * times,
        per_token=speed.per_token * times,
        sigma=math.hypot(speed.sigma, spread),
        source=f"{speed.source}; flex: {row['source']}",
    )


def find_token_rule(provider: str) -> str:
    """Return what of a request counts against a provider's limit of tokens."""
    return str(_load_file()["token_limits"].get(provider, "used"))


def fit_speed(calls: Sequence[TimedCall], basis: str, source: str) -> Speed | None:
    """Return how fast calls were; None where they are too few.

    The least squares line of seconds over tokens, with neither part below zero. The mean of the
    calls that are to come is as uncertain as that of these, and drifts from run to run.

    Args:
        calls: that were answered.
        basis: `history`, or `pilot` for the same study's.
        source: where they are from.
    """
    if len(calls) < FEWEST_TIMED:
        return None
    number = len(calls)
    tokens = sum(each.output for each in calls) / number
    seconds = max(sum(each.seconds for each in calls) / number, 1e-6)
    spread = sum((each.output - tokens) ** 2 for each in calls)
    joint = sum((each.output - tokens) * (each.seconds - seconds) for each in calls)
    slope = max(joint / spread, 0.0) if spread > 0 else 0.0
    if slope * tokens > seconds:
        slope = seconds / tokens
    first = max(seconds - slope * tokens, 0.0)
    squares = sum((each.seconds - first - slope * each.output) ** 2 for each in calls)
    error = math.sqrt(squares / (number - 2) / number) / seconds
    return Speed(first, slope, math.hypot(error, _DRIFT[basis]), basis, source)


@cache
def _load_file() -> dict[str, Any]:
    content: dict[str, Any] = read_data_file(_FILE)
    return content
