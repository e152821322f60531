"""Strata: a stage of a model in a condition, its tokens and dollars as ranges."""

from __future__ import annotations

from dataclasses import dataclass

from estimator.quantile_curve import find_share_below
from estimator.workload import StratumKey
from pricing.money import Money, money_from_float

QUANTILES = {
    "q05": 0.05,
    "q50": 0.50,
    "q95": 0.95,
    "q025": 0.025,
    "q25": 0.25,
    "q75": 0.75,
    "q975": 0.975,
}
_FIRST = ("mean", "q05", "q50", "q95")  # what every range has
_NEWER = ("q025", "q25", "q75", "q975")  # what the plans of before have not


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
    """US dollars: the mean and quantiles of their distribution, and the exact ceiling.

    Plans of before have no `q025`, `q25`, `q75` and `q975`: there they are None.
    """

    mean: float
    q05: float
    q50: float
    q95: float
    ceiling: Money
    q025: float | None = None
    q25: float | None = None
    q75: float | None = None
    q975: float | None = None

    def chance_above(self, amount: float) -> float:
        """Return the probability of costing more than an amount in US dollars.

        It is interpolated between the quantiles (`quantile_curve`); nothing is above the ceiling.
        """
        if amount >= self.ceiling.as_float:
            return 0.0
        known = {p: getattr(self, name) for name, p in QUANTILES.items()}
        found = {p: cost for p, cost in known.items() if cost is not None}
        if amount <= 0 or max(found.values()) <= 0:
            return float(amount < self.mean)
        return 1 - find_share_below(found, amount)

    def to_json(self) -> dict[str, str]:
        """Return the figures as decimal strings of US dollars."""
        newer = [name for name in _NEWER if getattr(self, name) is not None]
        figures = {name: money_from_float(getattr(self, name)) for name in (*_FIRST, *newer)}
        return {
            name: money.to_decimal_string()
            for name, money in (figures | {"ceiling": self.ceiling}).items()
        }

    @classmethod
    def from_json(cls, data: dict[str, str]) -> CostRange:
        """Read what `to_json` returned, also of before."""
        figures = {name: float(data[name]) for name in (*_FIRST, *_NEWER) if name in data}
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
        variance_share: of the variance of the plan's total; None where nothing is uncertain, and in
            plans of before, as what follows.
        is_heavy_tailed: whether measured lengths vary more than twice as much as those of their
            kind; None where too few were measured.
        share_cut_off: the share of the answers that `max_tokens` likely cuts off.
        own_answers: how many of the requests the study has answers of, on which the forecast rests;
            None where it rests on none of them.
        cache_read, cache_written: how many of `input_tokens` are expected to be read from a cache,
            and to be written to one; None where none of its prompts is cached.
        cache_saving: by how many US dollars that makes `cost.mean` lower; None as well.
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
    variance_share: float | None = None
    is_heavy_tailed: bool | None = None
    share_cut_off: float | None = None
    own_answers: int | None = None
    cache_read: int | None = None
    cache_written: int | None = None
    cache_saving: float | None = None

    @property
    def key(self) -> StratumKey:
        """The stratum's key."""
        return StratumKey(self.stage, self.model, self.condition)

    @property
    def average_prompt(self) -> float:
        """The tokens of an average request's prompt."""
        sent = self.requests if self.expected is None else self.expected
        return self.input_tokens / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of all strata, of each (stage, model) over its conditions, and of the total."""

    strata: tuple[Stratum, ...]
    groups: dict[tuple[str, str], CostRange]
    total: CostRange
