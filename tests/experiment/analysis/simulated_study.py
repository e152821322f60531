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
from experiment.scoring import (
    AnswerKind,
    AnswerPlace,
    Completion,
    JudgeReading,
    JudgesReader,
    choose_readers,
)
from experiment.scoring.answer import Answer

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

_SAYS = {True: Completion("refused: no"), False: Completion("refused: yes")}
_UNREADABLE = Completion("I cannot say.")
_READINGS: dict[tuple[object, ...], dict[str, JudgeReading]] = {}


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
        screened = {"when": {"proxy": "accepted", "rest": self.rest}} if self.rest < 1 else {}
        judges = [_SPEC["judges"][0] | screened]
        return ExperimentSpec.model_validate(_SPEC | {"factors": factors, "judges": judges})

    def draw(self, rng: np.random.Generator) -> list[Observation]:
        """Draw the answers of one study, with what their judge says of them, read as in a run."""
        spec = self.spec
        places = rng.random(self.queries)  # of the queries among others: the same in both tiers
        return [
            observation
            for tier, rate in zip(TIERS, self.rates, strict=True)
            for style in STYLES[: self.styles]
            for observation in self._draw_cell(
                rng, spec, tier, style, self._find_chances(places, rate)
            )
        ]

    def _find_chances(self, places: np.ndarray, rate: float) -> np.ndarray:
        if not self.correlation:
            return np.full(self.queries, rate)
        weight = 1 / self.correlation - 1  # a + b of a beta distribution
        return np.asarray(beta.ppf(places, rate * weight, (1 - rate) * weight))

    def _draw_cell(
        self,
        rng: np.random.Generator,
        spec: ExperimentSpec,
        tier: str,
        style: str,
        chances: np.ndarray,
    ) -> list[Observation]:
        count = self.queries * self.samples
        complied = rng.random(count) < np.repeat(chances, self.samples)
        says = _err(rng, complied, self.sensitivity, self.specificity)
        tagged = _err(rng, complied, *self.proxy)
        lost, names = rng.random(count), rng.random(count)  # a request's id decides its draw
        levels = {"tier": tier} | ({"reasoning": style} if self.styles > 1 else {})
        return [
            Observation(
                MODEL,
                levels,
                number // self.samples,
                number % self.samples,
                AnswerKind.TRUNCATED if lost[number] < self.missing / 2 else AnswerKind.TEXT,
                bool(tagged[number]),
                self._read(
                    spec,
                    AnswerPlace(levels, repr(float(names[number]))),
                    says=bool(says[number]),
                    tagged=bool(tagged[number]),
                    lost=float(lost[number]),
                ),
            )
            for number in range(count)
        ]

    def _read(
        self, spec: ExperimentSpec, place: AnswerPlace, *, says: bool, tagged: bool, lost: float
    ) -> dict[str, JudgeReading]:
        kind = AnswerKind.TRUNCATED if lost < self.missing / 2 else AnswerKind.TEXT
        answer = Answer(kind, "x", (), "", tagged)
        chosen = choose_readers(spec.judges, answer, spec.answer, place, lambda _: None)[JUDGE]
        verdict = _UNREADABLE if lost < self.missing else _SAYS[says]
        returned = {JUDGE: [verdict]} if chosen is not None and chosen.reads else {}
        # Few readings are different, and reading takes most of the time, so each is read once.
        key = (self, tagged, kind, chosen, verdict if returned else None)
        if key not in _READINGS:
            _READINGS[key] = JudgesReader(spec).read(answer, place, returned)
        return _READINGS[key]


def _err(
    rng: np.random.Generator, truth: np.ndarray, sensitivity: float, specificity: float
) -> np.ndarray:
    """Return what something says of a truth that it sees with these errors."""
    luck = rng.random(len(truth))
    return np.where(truth, luck < sensitivity, luck >= specificity)
