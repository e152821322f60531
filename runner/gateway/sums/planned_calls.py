"""Planned and actual: what the calls of each stage and model were to be, and what they came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estimator.forecast import CostRange, RangeOutcome, compare_with_range, join_bases
from estimator.recorded import OTHER_STAGE, ProgramPlan
from runner.gateway.sums.call_sums import CallSums


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """The calls of one stage and model, as planned and as they came.

    Attributes:
        stage, model: of them.
        calls: how many were planned.
        input_tokens, output_tokens: that were expected.
        cost: that was forecast; None where none of them was planned.
        basis: what the forecast rests on.
        actual: what they came to.
    """

    stage: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: CostRange | None
    basis: str
    actual: CallSums

    @property
    def outcome(self) -> RangeOutcome | None:
        """The forecast beside what it came to; None where nothing was planned."""
        if self.cost is None:
            return None
        return compare_with_range(self.cost, self.actual.cost, self.basis)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        provider, _, model = self.model.partition("/")
        outcome = self.outcome
        return {
            "stage": self.stage,
            "provider": provider,
            "model": model,
            "planned": {
                "calls": self.calls,
                "input_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
                "cost_usd": self.cost and self.cost.to_json(),
            },
            "actual": {
                "calls": self.actual.calls,
                "input_tokens": self.actual.input_tokens,
                "output_tokens": self.actual.output_tokens,
                "cost_usd": self.actual.cost.to_decimal_string(),
            },
            "inside": outcome and outcome.list_levels(),
        }


def compare_calls(plan: ProgramPlan, sums: Sequence[CallSums]) -> list[PlannedCalls]:
    """Set what was planned against what came, by stage and model, and then in all.

    Calls of a stage that was not planned are of the stage `other`.

    Args:
        plan: of the program.
        sums: of its answered calls.
    """
    actual = _join_others(plan, sums)
    pairs = [*plan.groups, *(pair for pair in actual if pair not in plan.groups)]
    found = [_compare(plan, pair, actual.get(pair, CallSums(*pair))) for pair in pairs]
    whole = CallSums("total", "")
    for each in actual.values():
        whole = whole.join(each)
    total = PlannedCalls(
        "total",
        "",
        sum(each.calls for each in found),
        sum(each.input_tokens for each in found),
        sum(each.output_tokens for each in found),
        plan.total,
        join_bases([each.basis for each in plan.strata]),
        whole,
    )
    return [*found, total]


def _join_others(plan: ProgramPlan, sums: Sequence[CallSums]) -> Mapping[tuple[str, str], CallSums]:
    joined: defaultdict[tuple[str, str], list[CallSums]] = defaultdict(list)
    for each in sums:
        pair = (each.stage, each.model)
        joined[pair if pair in plan.groups else (OTHER_STAGE, each.model)].append(each)
    found = {}
    for pair, several in joined.items():
        whole = CallSums(*pair)
        for each in several:
            whole = whole.join(each)
        found[pair] = whole
    return found


def _compare(plan: ProgramPlan, pair: tuple[str, str], actual: CallSums) -> PlannedCalls:
    strata = plan.list_strata(*pair)
    return PlannedCalls(
        *pair,
        sum(each.requests for each in strata),
        sum(each.input_tokens for each in strata),
        round(sum(each.output.mean for each in strata)),
        plan.groups.get(pair),
        join_bases([each.basis for each in strata]) if strata else "",
        actual,
    )
