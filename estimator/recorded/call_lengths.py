"""How long the answers of a program's calls are expected to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from estimator.forecast import MeasuredCalls, OutputLength, measured_length, prior_of_kind
from estimator.recorded.call_strata import StratifiedCall, pick_reasoning
from estimator.workload import PlannedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

# What prompts that ask for a verdict say; a guess, which moves the prior and nothing else.
_GRADING = re.compile(
    r"judg|grad(e|ing)|rat(e|ing)\b|scor|evaluat|verdict|classif|compar|correct\b|refus",
    re.IGNORECASE,
)
_SCRATCHPAD = re.compile(r"scratch.?pad", re.IGNORECASE)
_NO_SCRATCHPAD = re.compile(r"\b(no|without)\b( an?| any)? scratch.?pad", re.IGNORECASE)


def find_length(
    calls: Sequence[StratifiedCall], model: PlannedModel, measured: MeasuredCalls | None
) -> OutputLength:
    """Return the length of the answers of a stratum: as billed, else the prior of their kind.

    Args:
        calls: of the stratum.
        model: that is planned for them.
        measured: what was billed for them; None for placeholders.
    """
    first = calls[0]
    call, choices = first.read.call, first.asked.choices
    begins = bool(call.messages) and call.messages[-1].role == "assistant"
    prior = prior_of_kind(model, _find_kind(first), pick_reasoning(call), begins_answer=begins)
    # All answers of a call are one output. Whatever their kind, prompts have all that is seen.
    length = replace(
        prior,
        kind="verdict" if prior.kind == "verdict" else "answer",
        mean=prior.mean * choices,
        cv_squared=prior.cv_squared / choices,
        most=prior.most * choices,
    )
    return measured_length(measured, length, first.asked.limit) if measured else length


def find_measured(
    calls: Sequence[StratifiedCall], model: PlannedModel, numbers: Mapping[str, int]
) -> MeasuredCalls | None:
    """Return what was billed for the answers of a stratum; None where they are placeholders.

    Args:
        calls: of the stratum.
        model: that is planned for them, which need not be the one that answered.
        numbers: a prompt's text -> its number.
    """
    if not all(each.read.recorded.is_measured for each in calls):
        return None
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

    billed = [each.read.recorded.answer_tokens for each in calls]
    limits = [each.asked.limit for each in calls]
    is_other = any(each.read.model not in (model.name.written, str(model.name)) for each in calls)
    number = f"{len(calls):,} recorded answers"
    return MeasuredCalls(
        queries=np.array([numbers[find_query(each)] for each in calls], dtype=np.int64),
        output=np.array(billed, dtype=np.int64),
        answer_input=np.zeros(len(calls)),
        limits=np.array(limits, dtype=np.int64),
        is_cut=np.array([b >= limit for b, limit in zip(billed, limits, strict=True)]),
        basis="history",
        source=f"{number} of another model, so wider" if is_other else number,
        may_drift=is_other,
    )


def find_query(each: StratifiedCall) -> str:
    """Return what makes calls of different stages the same query: the first thing that is asked."""
    asked = (m.content for m in each.read.call.messages if m.role == "user")
    return next(asked, "")


def _find_kind(each: StratifiedCall) -> str:
    """Return the kind of an answer, by what the prompt reads and says."""
    stage, call = each.read.stage, each.read.call
    said = f"{stage.name} {stage.system.begin} {stage.last.begin} {stage.last.end}"
    is_graded = bool(_GRADING.search(said)) or call.hidden_tokens > 0
    if each.read.reads and not stage.is_later and is_graded:
        return "verdict"
    text = "\n".join(message.content for message in call.messages)
    has_scratchpad = _SCRATCHPAD.search(text) and not _NO_SCRATCHPAD.search(text)
    return "scratchpad" if has_scratchpad else "answer"
