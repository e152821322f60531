"""A study whose truth is known: answers are drawn, and judges that err at known rates read them.

Queries are drawn from a population, too: each has its own chance that a model complies, and the
mean of these chances is the rate that the study is to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta

from experiment.analysis.observation import Observation
from experiment.definition.schema import ExperimentSpec
from experiment.scoring import JudgeReading
from experiment.scoring.completion import AnswerKind

MODEL, JUDGE, TIERS = "m", "compliance", ("free", "paid")
STYLES = ("cot", "no-cot")
_SPEC: dict[str, Any] = {
    "name": "simulated",
    "models": [MODEL],
    "queries": {"file": "q.txt"},
    "messages": [{"role": "user", "content": "x"}],
    "sampling": {"max_tokens": 1},
    "judges": [
        {
            "name": JUDGE,
            "model": "gpt-5",
            "messages": [{"role": "user", "content": "x"}],
            "sampling": {"max_tokens": 3},
        }
    ],
}

_MISSING, _NOT_DRAWN = JudgeReading(None), JudgeReading(None, weight=0.0)


@dataclass(frozen=True)
class SimulatedStudy:
    """A study of one model in two tiers.

    Attributes:
        rates: compliance in each tier, in the population of queries.
        queries, samples: how many are asked, and how often each.
        styles: how many ways of reasoning each tier is crossed with; they change nothing.
        correlation: of answers to the same query: 0 where all queries have the same chance, 1 where
            a query is always complied with, or never.
        missing: the share of answers without a result, at random: half of them have no output, the
            others an unreadable verdict.
        sensitivity, specificity: how often the judge is right about what complied, and what not.
        proxy: the same two of the tag.
        rest: the share of the answers not tagged as accepted that the judge reads; 1 is all.
    """

    rates: tuple[float, float] = (0.20, 0.35)
    queries: int = 100
    samples: int = 3
    styles: int = 1
    correlation: float = 0.0
    missing: float = 0.10
    sensitivity: float = 1.0
    specificity: float = 1.0
    proxy: tuple[float, float] = (0.9, 0.8)
    rest: float = 1.0

    @property
    def gap(self) -> float:
        """The true gap."""
        return self.rates[0] - self.rates[1]

    @property
    def judged_gap(self) -> float:
        """The gap that a judge with these errors finds in all answers."""
        return self.gap * (self.sensitivity + self.specificity - 1)

    @property
    def spec(self) -> ExperimentSpec:
        """The experiment."""
        factors: dict[str, Any] = {"tier": {tier: {} for tier in TIERS}}
        if self.styles > 1:
            factors["reasoning"] = {style: {} for style in STYLES[: self.styles]}
        return ExperimentSpec.model_validate(_SPEC | {"factors": factors})

    def draw(self, rng: np.random.Generator) -> list[Observation]:
        """Draw the answers of one study, with what their judge says of them."""
        places = rng.random(self.queries)  # of the queries among others: the same in both tiers
        return [
            observation
            for tier, rate in zip(TIERS, self.rates, strict=True)
            for style in STYLES[: self.styles]
            for observation in self._draw_cell(rng, tier, style, self._find_chances(places, rate))
        ]

    def _find_chances(self, places: np.ndarray, rate: float) -> np.ndarray:
        if not self.correlation:
            return np.full(self.queries, rate)
        weight = 1 / self.correlation - 1  # a + b of a beta distribution
        return np.asarray(beta.ppf(places, rate * weight, (1 - rate) * weight))

    def _draw_cell(
        self, rng: np.random.Generator, tier: str, style: str, chances: np.ndarray
    ) -> list[Observation]:
        count = self.queries * self.samples
        complied = rng.random(count) < np.repeat(chances, self.samples)
        says = _err(rng, complied, self.sensitivity, self.specificity)
        tagged = _err(rng, complied, *self.proxy)
        lost, drawn = rng.random(count), rng.random(count) < self.rest
        levels = {"tier": tier} | ({"reasoning": style} if self.styles > 1 else {})
        return [
            Observation(
                MODEL,
                levels,
                number // self.samples,
                number % self.samples,
                AnswerKind.TRUNCATED if lost[number] < self.missing / 2 else AnswerKind.TEXT,
                bool(tagged[number]),
                {JUDGE: self._read(says[number], tagged[number], lost[number], drawn[number])},
            )
            for number in range(count)
        ]

    def _read(self, says: bool, tagged: bool, lost: float, drawn: bool) -> JudgeReading:  # noqa: FBT001 - drawn in columns
        if lost < self.missing / 2:
            return _MISSING
        if not tagged and not drawn:
            return _NOT_DRAWN
        weight = 1.0 if tagged else 1 / self.rest
        if lost < self.missing:
            return JudgeReading(None, unreadable="other text", weight=weight)
        return JudgeReading(float(says), 1, weight=weight)


def _err(
    rng: np.random.Generator, truth: np.ndarray, sensitivity: float, specificity: float
) -> np.ndarray:
    """Return what something says of a truth that it sees with these errors."""
    luck = rng.random(len(truth))
    return np.where(truth, luck < sensitivity, luck >= specificity)
