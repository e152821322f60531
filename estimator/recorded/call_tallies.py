"""Tallies of a program's calls: base and slope of each, added up by stratum.

What a prompt with answers in it comes to is linear in their length. It is known at two points, the
two runs of the program; so it is known by how much it grows with them, and what is left without
them. Lengths are brought to tokens of o200k by the scale of each model's tokenizer, so that one
model may take the place of another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from estimator.counting import CountingMethod, build_tokenizer
from estimator.recorded.call_count import count_call
from estimator.recorded.call_strata import StratifiedCall
from estimator.recorded.sources import Shares, find_sources
from estimator.workload import PlannedModel, StratumKey, StratumTally


@dataclass(frozen=True, slots=True)
class CountedCall:
    """A call's prompt: base + slope x length of the answers in it.

    Attributes:
        key: of its stratum.
        tokens: of the prompt as it was in the first run.
        base: tokens without the answers in it.
        slope: how often it has the answers that it reads; 0 where it reads none.
        bound: tokens that it may have at most, with the longest answers.
        is_exact: the prompt is nothing but messages, without answers of an unknown length.
    """

    key: StratumKey
    tokens: int
    base: float
    slope: float
    bound: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Answers of a stratum in the two runs, in tokens of o200k on average."""

    first: float
    growth: float
    most: float


def tally_calls(
    calls: Sequence[StratifiedCall], models: Mapping[str, PlannedModel]
) -> tuple[dict[StratumKey, StratumTally], list[CountedCall]]:
    """Count calls, and add them up.

    Args:
        calls: in order of arrival.
        models: the model of a call, as the program writes it -> the one that it is planned for.
    """
    sources = find_sources([each.read for each in calls], [each.key for each in calls])
    lengths = _measure_placeholders(calls)
    counted = [
        _count(each, models[each.read.model], sources.get(each.key, {}), lengths) for each in calls
    ]
    tallies: dict[StratumKey, StratumTally] = {}
    exact_sums: defaultdict[StratumKey, float] = defaultdict(float)
    for each, count in zip(calls, counted, strict=True):
        tally = tallies.setdefault(each.key, StratumTally(answer_occurrences=(1, 0)))
        exact_sums[each.key] += count.base
        tally.requests += 1
        tally.max_tokens = max(tally.max_tokens, each.asked.limit)
        tally.bounds[count.bound * each.asked.choices] += 1
        tally.adds_fields |= not count.is_exact
        for source, share in sources.get(each.key, {}).items() if count.slope else ():
            read = tally.judged_answers.get(source, 0) + share * count.slope
            tally.judged_answers[source] = read
    for key, tally in tallies.items():
        tally.input_tokens = round(exact_sums[key])
    return tallies, counted


def _measure_placeholders(calls: Sequence[StratifiedCall]) -> dict[StratumKey, _Lengths]:
    groups: defaultdict[StratumKey, list[tuple[float, float, float]]] = defaultdict(list)
    for each in calls:
        recorded, longer = each.read.recorded, each.read.longer
        scale = build_tokenizer(recorded.model, CountingMethod()).scale
        first = recorded.answer_tokens / scale
        growth = longer[0].answer_tokens / scale - first if longer else 0.0
        groups[each.key].append((first, growth, each.asked.limit / scale))
    return {
        key: _Lengths(
            sum(first for first, _, _ in group) / len(group),
            sum(growth for _, growth, _ in group) / len(group),
            max(most for _, _, most in group),
        )
        for key, group in groups.items()
    }


def _count(
    each: StratifiedCall,
    model: PlannedModel,
    shares: Shares,
    lengths: Mapping[StratumKey, _Lengths],
) -> CountedCall:
    call, count = each.read.call, count_call(model, each.read.call)
    growth = sum(share * lengths[key].growth for key, share in shares.items())
    if not each.read.reads or each.read.longer is None or growth <= 0:
        is_exact = call.is_exact and not each.read.reads
        return CountedCall(
            each.key, count.tokens, count.tokens, 0.0, count.bound, is_exact=is_exact
        )
    more = count_call(model, each.read.longer[1]).tokens - count.tokens
    slope = max(more / model.tokenizer.scale / growth, 0.0)
    first = sum(share * lengths[key].first for key, share in shares.items())
    most = max(lengths[key].most for key in shares)
    base = max(count.tokens - slope * first * model.tokenizer.scale, 0.0)
    room = math.ceil(slope * max(most - first, 0.0) * model.tokenizer.bound_scale)
    bound = count.bound + room
    return CountedCall(each.key, count.tokens, base, slope, bound, is_exact=call.is_exact)
