"""Warnings of a `max_tokens` that, by the forecast, would cut off many of the answers.

A cut-off answer is billed and of little use; of a model that reasons before it answers it may be
empty. So this is said before anything is paid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from estimator.forecast import MeasuredCalls, OutputLength, limit_of_use
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, ExperimentSpec, list_uses

_TOLERATED = 0.05  # of the answers
_NEARLY_ALL = 0.95
_MAY_BE_EMPTY = "they are billed, and may be empty, as hidden reasoning comes first"
_FRIENDLY = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What a limit cuts off in a stratum.

    Attributes:
        condition: of the stratum.
        length: expected of its answers.
        calls: that were measured; None where the length is a prior.
        most: output tokens of one answer, over all of its turns.
    """

    condition: str
    length: OutputLength
    calls: MeasuredCalls | None
    most: int

    def share_at(self, limit: int) -> float:
        """Return the share of the answers that a limit cuts off."""
        if self.calls is None:
            return self.length.share_cut_off(limit)
        return self.calls.share_cut_off(self.most)

    def is_likely_above(self, share: float, limit: int) -> bool:
        """Return whether a limit more likely than not cuts off more than a share of the answers.

        A prior's mean lies above its median; by it a warning would be wrong as often as right.
        """
        if self.calls is None:
            return self.length.share_cut_off(limit, 0.5) > share
        return self.calls.share_cut_off(self.most) > share

    def length_of_share(self, share: float) -> float | None:
        """Return the length that no more than a share exceeds; None where that is not known."""
        if self.calls is None:
            return self.length.length_of_share(share)
        return self.calls.length_of_share(share)


def list_limit_warnings(
    spec: ExperimentSpec,
    models: Mapping[str, PlannedModel],
    lengths: Mapping[StratumKey, OutputLength],
    measured: Mapping[StratumKey, MeasuredCalls] = {},
) -> Iterator[str]:
    """Yield a warning of each `max_tokens` that is likely too low, with the models it is so for.

    Args:
        spec: of the experiment.
        models: written name -> planned model.
        lengths: stratum -> expected output of one request.
        measured: stratum -> its billed calls, whose own lengths say what is cut off.
    """
    cuts: dict[tuple[str, str, int], list[_Cut]] = {}
    conditions = set()
    for use in list_uses(spec):
        conditions.add(use.condition.name)
        limit = use.sampling["max_tokens"]
        stratum = StratumKey(use.stage, use.model, use.condition.name)
        most = limit_of_use(spec, use)
        cut = _Cut(use.condition.name, lengths[stratum], measured.get(stratum), most)
        if cut.is_likely_above(_TOLERATED, limit):
            cuts.setdefault((use.stage, use.model, limit), []).append(cut)
    alike: dict[tuple[int, str, str], list[tuple[PlannedModel, list[_Cut]]]] = {}
    for (stage, written, limit), found in cuts.items():
        what = "answers" if stage == SUBJECT else f"replies of judge {stage}"
        where = "" if len(found) == len(conditions) else f" in {_join(c.condition for c in found)}"
        empty = any(cut.length.visible < 1 for cut in found)
        why = f"; {_MAY_BE_EMPTY}" if empty else ""
        key = (limit, f"{what}{where}", f"{_name_basis(found)}{why}")
        alike.setdefault(key, []).append((models[written], found))
    for (limit, what, why), each in alike.items():
        yield _describe_cuts(limit, what, why, each)


def _describe_cuts(
    limit: int, what: str, why: str, alike: Sequence[tuple[PlannedModel, list[_Cut]]]
) -> str:
    told = [
        (model.name, _describe_share(limit, cuts), _describe_remedy(model, limit, cuts))
        for model, cuts in alike
    ]
    if len(told) == 1:
        ((name, share, remedy),) = told
        return f"{name}: max_tokens {limit:,} would cut off {share} of the {what}, {why}; {remedy}"
    each = "; ".join(f"{name} {share} ({remedy})" for name, share, remedy in told)
    return f"max_tokens {limit:,} would cut off many of the {what}, {why}: {each}"


def _name_basis(cuts: Iterable[_Cut]) -> str:
    return "as measured" if all(cut.calls is not None for cut in cuts) else "by the forecast"


def _describe_share(limit: int, cuts: Iterable[_Cut]) -> str:
    share = max(cut.share_at(limit) for cut in cuts)
    return "nearly all" if share > _NEARLY_ALL else f"about {share:.0%}"


def _describe_remedy(model: PlannedModel, limit: int, cuts: list[_Cut]) -> str:
    """Say which limit would do, as far as the model takes it."""
    needed = [cut.length_of_share(_TOLERATED) for cut in cuts]
    known = [length for length in needed if length is not None]
    if len(known) < len(needed):
        return "how much they need was not measured, so raise it and try a few"
    enough = _round_up(max(known))
    most = min(filter(None, (model.capability.max_output, model.window)), default=None)
    if most is None or enough <= most:
        return f"{enough:,} would be enough for 95% of them"
    if limit >= most:
        return "it takes no more, so ask for less text or less reasoning"
    left = max(cut.share_at(most) for cut in cuts)
    return f"{most:,}, the most that it takes, would still cut off about {left:.0%}"


def _round_up(tokens: float) -> int:
    """Return the next round number."""
    unit = float(10 ** math.floor(math.log10(tokens)))
    return round(next(step for step in _FRIENDLY if step * unit >= tokens) * unit)


def _join(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(names))
