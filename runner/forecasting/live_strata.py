"""Live strata: what a live forecast must know of each stratum of a plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from estimator.cached_prefix import index_prefixes
from estimator.forecast import Stratum
from estimator.plan import Plan
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from runner.forecasting.blank_prompts import BlankPrompts
from runner.forecasting.live_rest import LiveStratum
from runner.forecasting.strata_terms import StratumTerms


def list_live_strata(
    plan: Plan, terms: Mapping[StratumKey, StratumTerms], queries: int, blanks: BlankPrompts
) -> dict[StratumKey, LiveStratum]:
    """Return what a live forecast must know of each stratum of a plan.

    Args:
        plan: that is run.
        terms: of its strata.
        queries: how many the experiment has.
        blanks: counts the prompts of judges.
    """
    return {
        key: LiveStratum(
            wanted=np.full(queries, each.stratum.requests / queries),
            shape=each.shape,
            known=_price_known(plan, each, blanks),
            before=each.stratum.cost,
            judges=tuple(_list_judged(plan.strata, each.stratum)),
            votes=each.samples,
            read_share=_find_read_share(each.stratum),
        )
        for key, each in terms.items()
    }


def _find_read_share(stratum: Stratum) -> float:
    return 1.0 if stratum.expected is None else stratum.expected / stratum.requests


def _price_known(plan: Plan, terms: StratumTerms, blanks: BlankPrompts) -> float:
    """Return what a call costs that is known before it is sent, in US dollars."""
    stratum = terms.stratum
    prompt, prompts = stratum.average_prompt, 1.0
    if stratum.stage != SUBJECT:
        prompt, prompts = blanks.mean(stratum.key), blanks.share_of_prompts(stratum.key)
    card = plan.models[stratum.model].card
    prefix = index_prefixes(plan.models).get(stratum.key)
    cached = prefix.extra_cost(card, math.ceil(prompt)) if prefix else 0.0
    return prompts * (prompt * terms.prices.input + cached + float(card.per_request))


def _list_judged(strata: tuple[Stratum, ...], judge: Stratum) -> Iterator[StratumKey]:
    """Yield the strata of the answers of which a judge reads only some; none for any other."""
    for each in strata if judge.expected is not None else ():
        if each.stage == SUBJECT and each.condition == judge.condition:
            yield each.key
