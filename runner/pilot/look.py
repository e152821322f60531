"""A look at a pilot: what its answers say of what is left to pay, when nothing is in flight.

Only the queries that the pilot drew count, up to the last whole block: of calls that were cut off
by a crash, the short ones are there and the long ones are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from estimator.forecast import MeasuredCalls, PooledCost, pool_costs
from estimator.workload import StratumKey
from pricing.money import Money, money_from_float
from runner.forecasting import StratumTerms


@dataclass(frozen=True, slots=True)
class Look:
    """What a pilot's answers say after a block.

    Attributes:
        queries: how many of each model and condition were asked.
        calls: how many billed calls count.
        paid: by the study, for what its plan counts.
        left: what the answers that are left will cost, in US dollars: the part that varies with
            their length; None where some stratum has no answer that counts.
    """

    queries: int
    calls: int
    paid: Money
    left: PooledCost | None

    @property
    def width(self) -> float | None:
        """Half of the 90 % range of what is left, relative to its median."""
        if self.left is None:
            return None
        low, middle, high = (self.left.quantile(p) for p in (0.05, 0.5, 0.95))
        return (high - low) / (2 * middle) if middle > 0 else 0.0

    def is_within(self, width: float) -> bool:
        """Return whether the range is as narrow as is wanted."""
        return self.width is not None and self.width <= width

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        left = self.left and {
            f"q{round(100 * p):02}": money_from_float(self.left.quantile(p)).to_decimal_string()
            for p in (0.05, 0.5, 0.95)
        }
        return {
            "queries": self.queries,
            "calls": self.calls,
            "paid_usd": self.paid.to_decimal_string(),
            "left_output_usd": left,
            "width": None if self.width is None else round(self.width, 4),
        }


def look_at(
    asked: int,
    calls: Mapping[StratumKey, MeasuredCalls],
    terms: Mapping[StratumKey, StratumTerms],
    queries: int,
    paid: Money,
) -> Look:
    """Return what a pilot's calls say of those that are left.

    Args:
        asked: queries of each model and condition.
        calls: stratum -> those that count.
        terms: stratum -> what they are counted by, of all that the plan has.
        queries: how many the experiment has.
        paid: by the study.
    """
    number = sum(len(each.output) for each in calls.values())
    if any(key not in calls and not term.may_be_unasked for key, term in terms.items()):
        return Look(asked, number, paid, None)
    strata = [terms[key].measure(calls[key], queries) for key in terms if key in calls]
    return Look(asked, number, paid, pool_costs(strata))


def keep_queries(calls: MeasuredCalls, queries: frozenset[int]) -> MeasuredCalls | None:
    """Return the calls that are of some queries; None where none is."""
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

    is_kept = np.isin(calls.queries, list(queries))
    if not is_kept.any():
        return None
    return replace(
        calls,
        queries=calls.queries[is_kept],
        output=calls.output[is_kept],
        answer_input=calls.answer_input[is_kept],
        limits=calls.limits[is_kept],
        is_cut=calls.is_cut[is_kept],
    )
