"""Live strata: what a live forecast must know of each stratum of a plan, and what a call costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from estimator.forecast import LengthShape, Stratum, TokenPrices, prior_length
from estimator.plan import Plan
from estimator.workload import StratumKey
from experiment.definition import SUBJECT, ExperimentSpec, Use, list_uses
from experiment.scoring import FILTER
from runner.forecasting.blank_prompts import BlankPrompts
from runner.forecasting.live_rest import LiveStratum
from runner.ledger import BilledCall


@dataclass(frozen=True, slots=True)
class CallPrice:
    """What the part of a stratum's calls that varies costs, in US dollars.

    Attributes:
        tokens: what a token costs.
        is_judge: whether the prompt varies as well.
    """

    tokens: TokenPrices
    is_judge: bool

    def price(self, key: StratumKey, call: BilledCall, blanks: BlankPrompts) -> float | None:
        """Return what a call cost of the part that varies; None where it says nothing of that."""
        if call.output <= 0 or call.finish == FILTER:
            return None
        read = 0.0
        if self.is_judge and call.prompt > 0:
            read = max(call.prompt - blanks.count(key, call.query), 0.0)
        return call.output * self.tokens.output + read * self.tokens.input


def price_calls(plan: Plan) -> dict[StratumKey, CallPrice]:
    """Return the price of each stratum's calls, at the size of its average prompt."""
    return {stratum.key: _price_stratum(plan, stratum) for stratum in plan.strata}


def _price_stratum(plan: Plan, stratum: Stratum) -> CallPrice:
    card = plan.models[stratum.model].card
    prices = TokenPrices.at_prompt(card, stratum.average_prompt)
    return CallPrice(prices, stratum.stage != SUBJECT)


def list_live_strata(
    plan: Plan, spec: ExperimentSpec, queries: int, blanks: BlankPrompts
) -> dict[StratumKey, LiveStratum]:
    """Return what a live forecast must know of each stratum of a plan.

    Args:
        plan: that is run.
        spec: of its experiment.
        queries: how many the experiment has.
        blanks: counts the prompts of judges.
    """
    uses = {StratumKey(use.stage, use.model, use.condition.name): use for use in list_uses(spec)}
    prices = price_calls(plan)
    return {
        stratum.key: LiveStratum(
            wanted=np.full(queries, stratum.requests / queries),
            shape=_find_shape(spec, uses[stratum.key], plan),
            known=_price_known(plan, stratum, prices[stratum.key], blanks),
            before=stratum.cost,
            judges=tuple(_list_judged(plan.strata, stratum)),
            votes=uses[stratum.key].samples,
            read_share=1.0 if stratum.expected is None else stratum.expected / stratum.requests,
        )
        for stratum in plan.strata
    }


def _find_shape(spec: ExperimentSpec, use: Use, plan: Plan) -> LengthShape:
    length = prior_length(spec, use, plan.models[use.model])
    return LengthShape(length.cv_squared, length.query_share)


def _price_known(plan: Plan, stratum: Stratum, price: CallPrice, blanks: BlankPrompts) -> float:
    """Return what a call costs that is known before it is sent, in US dollars."""
    prompt, prompts = stratum.average_prompt, 1.0
    if price.is_judge:
        prompt, prompts = blanks.mean(stratum.key), blanks.share_of_prompts(stratum.key)
    per_request = float(plan.models[stratum.model].card.per_request)
    return prompts * (prompt * price.tokens.input + per_request)


def _list_judged(strata: tuple[Stratum, ...], judge: Stratum) -> Iterator[StratumKey]:
    """Yield the strata of the answers of which a judge reads only some; none for any other."""
    for each in strata if judge.expected is not None else ():
        if each.stage == SUBJECT and each.condition == judge.condition:
            yield each.key


def find_stratum(call: BilledCall, known: Mapping[StratumKey, object]) -> StratumKey | None:
    """Return the stratum of a call; None where the plan has none such."""
    key = StratumKey(call.stage, call.model, call.condition)
    return key if key in known else None
