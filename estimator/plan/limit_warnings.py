"""Warnings of a `max_tokens` that, by the forecast, would cut off many of the answers.

A cut-off answer is billed and of little use; of a model that reasons before it answers it may be
empty. So this is said before anything is paid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from estimator.forecast import OutputLength
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, ExperimentSpec, list_uses

_TOLERATED = 0.05  # of the answers
_NEARLY_ALL = 0.95
_MAY_BE_EMPTY = "they are billed, and may be empty, as hidden reasoning comes first"
_FRIENDLY = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What a limit cuts off in a stratum."""

    condition: str
    length: OutputLength
    share: float


def list_limit_warnings(
    spec: ExperimentSpec,
    models: Mapping[str, PlannedModel],
    lengths: Mapping[StratumKey, OutputLength],
) -> Iterator[str]:
    """Yield a warning of each `max_tokens` that is likely too low, with the models it is so for.

    Args:
        spec: of the experiment.
        models: written name -> planned model.
        lengths: stratum -> expected output of one request.
    """
    cuts: dict[tuple[str, str, int], list[_Cut]] = {}
    conditions = set()
    for use in list_uses(spec):
        conditions.add(use.condition.name)
        limit = use.sampling["max_tokens"]
        length = lengths[StratumKey(use.stage, use.model, use.condition.name)]
        if _cuts_off_many(length, limit):
            cut = _Cut(use.condition.name, length, length.share_cut_off(limit))
            cuts.setdefault((use.stage, use.model, limit), []).append(cut)
    alike: dict[tuple[int, str, str], list[tuple[PlannedModel, list[_Cut]]]] = {}
    for (stage, written, limit), found in cuts.items():
        what = "answers" if stage == SUBJECT else f"replies of judge {stage}"
        where = "" if len(found) == len(conditions) else f" in {_join(c.condition for c in found)}"
        empty = any(cut.length.visible < 1 for cut in found)
        why = f"; {_MAY_BE_EMPTY}" if empty else ""
        key = (limit, f"{what}{where}", f"by the forecast{why}")
        alike.setdefault(key, []).append((models[written], found))
    for (limit, what, why), each in alike.items():
        yield _describe_cuts(limit, what, why, each)


def _cuts_off_many(length: OutputLength, limit: int) -> bool:
    """Return whether more than the tolerated share is more likely than not.

    A prior's mean lies above its median; a warning by the mean would be wrong as often as right.
    """
    return length.share_cut_off(limit, 0.5) > _TOLERATED


def _describe_cuts(
    limit: int, what: str, why: str, alike: Sequence[tuple[PlannedModel, list[_Cut]]]
) -> str:
    told = [
        (model.name, _describe_share(cuts), _describe_remedy(model, limit, cuts))
        for model, cuts in alike
    ]
    if len(told) == 1:
        ((name, share, remedy),) = told
        return f"{name}: max_tokens {limit:,} would cut off {share} of the {what}, {why}; {remedy}"
    each = "; ".join(f"{name} {share} ({remedy})" for name, share, remedy in told)
    return f"max_tokens {limit:,} would cut off many of the {what}, {why}: {each}"


def _describe_share(cuts: Iterable[_Cut]) -> str:
    share = max(cut.share for cut in cuts)
    return "nearly all" if share > _NEARLY_ALL else f"about {share:.0%}"


def _describe_remedy(model: PlannedModel, limit: int, cuts: list[_Cut]) -> str:
    """Say which limit would do, as far as the model takes it."""
    enough = _round_up(max(cut.length.length_of_share(_TOLERATED) for cut in cuts))
    most = min(filter(None, (model.capability.max_output, model.window)), default=None)
    if most is None or enough <= most:
        return f"{enough:,} would be enough for 95% of them"
    if limit >= most:
        return "it takes no more, so ask for less text or less reasoning"
    left = max(cut.length.share_cut_off(most) for cut in cuts)
    return f"{most:,}, the most that it takes, would still cut off about {left:.0%}"


def _round_up(tokens: float) -> int:
    """Return the next round number."""
    unit = float(10 ** math.floor(math.log10(tokens)))
    return round(next(step for step in _FRIENDLY if step * unit >= tokens) * unit)


def _join(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(names))
