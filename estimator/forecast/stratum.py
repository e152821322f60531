"""Strata: a stage of a model in a condition, its tokens and dollars as ranges."""

from __future__ import annotations

from dataclasses import dataclass

from estimator.workload import StratumKey
from pricing.money import Money, money_from_float

QUANTILES = (0.05, 0.50, 0.95)


@dataclass(frozen=True, slots=True)
class TokenRange:
    """Tokens: the mean and quantiles of their distribution, and their upper limit."""

    mean: float
    q05: float
    q50: float
    q95: float
    ceiling: int

    def to_json(self) -> dict[str, int]:
        """Return the figures, rounded to whole tokens."""
        return {name: round(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: dict[str, int]) -> TokenRange:
        """Read what `to_json` returned."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class CostRange:
    """US dollars: the mean and quantiles of their distribution, and the exact ceiling."""

    mean: float
    q05: float
    q50: float
    q95: float
    ceiling: Money

    def to_json(self) -> dict[str, str]:
        """Return the figures as decimal strings of US dollars."""
        figures = {
            name: money_from_float(getattr(self, name)) for name in ("mean", "q05", "q50", "q95")
        }
        return {
            name: money.to_decimal_string()
            for name, money in (figures | {"ceiling": self.ceiling}).items()
        }

    @classmethod
    def from_json(cls, data: dict[str, str]) -> CostRange:
        """Read what `to_json` returned."""
        figures = {name: float(data[name]) for name in ("mean", "q05", "q50", "q95")}
        return cls(**figures, ceiling=Money.from_usd(data["ceiling"]))


@dataclass(frozen=True, slots=True)
class Stratum:
    """The forecast of one stratum: a stage of a model in a condition.

    Attributes:
        stage, model, condition: its key; the model as the experiment writes it.
        requests: how many; of a judge, at most.
        input_tokens: of the expected requests; a judge's with the expected answers.
        exactness: of `input_tokens`.
        output: tokens of the expected requests; `basis` and `source` say what they are based on.
        cost: US dollars of the expected requests.
        expected: how many of the requests are expected to be sent, where the answers decide that
            a judge reads them; None where all of them are.
    """

    stage: str
    model: str
    condition: str
    requests: int
    input_tokens: int
    exactness: str
    output: TokenRange
    basis: str
    source: str
    cost: CostRange
    expected: float | None = None

    @property
    def key(self) -> StratumKey:
        """The stratum's key."""
        return StratumKey(self.stage, self.model, self.condition)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of all strata, of each (stage, model) over its conditions, and of the total."""

    strata: tuple[Stratum, ...]
    groups: dict[tuple[str, str], CostRange]
    total: CostRange
