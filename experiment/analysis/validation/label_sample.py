"""Label samples: answers drawn to be labelled by hand, as many of each model and verdict.

Answers that are called positive are often few. As many of them are drawn as of the others, so that
both kinds of error are seen, and the rates are weighted back by the sizes of the strata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from experiment.analysis.validation.labels import LabelSample, Stratum
from experiment.analysis.validation.ratings import RatingTable

POSITIVE, NEGATIVE = "positive", "negative"


def list_strata(table: RatingTable, judge: str) -> tuple[Stratum, ...]:
    """Return the texts that a judge rates, by model and verdict; only strata with answers."""
    rating = table.ratings[judge]
    pool = table.is_text & rating.is_rated & (rating.weights > 0)
    strata = []
    for at, model in enumerate(table.models):
        for verdict, said in ((POSITIVE, rating.is_positive), (NEGATIVE, ~rating.is_positive)):
            places = np.flatnonzero(pool & said & (table.model == at))
            if len(places):
                requests = tuple(sorted(table.requests[place] for place in places))
                strata.append(Stratum(model, verdict, requests))
    return tuple(strata)


def draw_sample(
    table: RatingTable, judge: str, size: int, seed: int, earlier: LabelSample | None = None
) -> LabelSample:
    """Draw answers until a sample has a size; those that were drawn before stay in it.

    A larger sample holds the smaller one of the same seed.

    Args:
        table: of all answers.
        judge: by whose verdicts it is stratified.
        size: how many answers there are to be in all; fewer where there are not so many.
        seed: of the draw.
        earlier: the sample to go on with.
    """
    strata = _keep_strata(list_strata(table, judge), earlier)
    kept = set(earlier.drawn) if earlier else set()
    drawn = [[each for each in stratum.requests if each in kept] for stratum in strata]
    waiting = [
        shuffle_requests((each for each in stratum.requests if each not in kept), f"draw {seed}")
        for stratum in strata
    ]
    while sum(map(len, drawn)) < size and any(waiting):
        open_ = [at for at, left in enumerate(waiting) if left]
        smallest = min(open_, key=lambda at: len(drawn[at]))
        drawn[smallest].append(waiting[smallest].pop(0))
    new = [each for found in drawn for each in found if each not in kept]
    before = earlier.drawn if earlier else ()
    return LabelSample(judge, strata, (*before, *shuffle_requests(new, f"order {seed}")))


def shuffle_requests(requests: Iterable[str], seed: str) -> list[str]:
    """Return ids in an order drawn from a seed, the same on any machine."""
    return sorted(requests, key=lambda each: hashlib.sha256(f"{seed}:{each}".encode()).digest())


def _keep_strata(found: tuple[Stratum, ...], earlier: LabelSample | None) -> tuple[Stratum, ...]:
    """Return strata in which every answer that was there before stays where it was."""
    if earlier is None:
        return found
    old = {(each.model, each.verdict): each.requests for each in earlier.strata}
    placed = {request for requests in old.values() for request in requests}
    new: Mapping[tuple[str, str], list[str]] = {
        (each.model, each.verdict): [one for one in each.requests if one not in placed]
        for each in found
    }
    names = list(dict.fromkeys([*old, *new]))
    return tuple(Stratum(*name, (*old.get(name, ()), *new.get(name, ()))) for name in names)
