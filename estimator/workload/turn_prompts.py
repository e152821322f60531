"""Turn prompts: how many tokens they may have when an answer goes on in further requests."""

from __future__ import annotations

import math

from estimator.counting import TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.definition import AnswerFormat
from experiment.prompts import Request

_RETOKENIZED = 1.3  # factor on a text's length where its vocabulary is not the model's own
_SEAM_TOKENS = 8  # that may be added where a text meets the one before it
_FRAME_TOKENS = 32  # of the two messages that a turn adds, more than any chat format has


def list_turn_bounds(
    count: TokenCount, subject: Request, model: PlannedModel, answer_format: AnswerFormat
) -> list[int]:
    """Return bounds on the prompt tokens of a subject's further turns, before any is answered.

    A turn's prompt is that of the first one, with all that was written since: at most `max_tokens`
    in each turn. Once a turn is answered, the next is counted and reserved again.

    Args:
        count: of the first turn's prompt.
        subject: the request of the first turn.
        model: that it is sent to.
        answer_format: of the experiment.
    """
    each = bound_turn(subject.max_tokens, model, answer_format)
    return [count.bound + turn * each for turn in range(1, answer_format.turns)]


def bound_turn(max_tokens: int, model: PlannedModel, answer_format: AnswerFormat) -> int:
    """Return how many tokens each turn adds to the prompt of the next one at most.

    Args:
        max_tokens: of a turn.
        model: that it is sent to.
        answer_format: of the experiment.
    """
    ratio = 1.0 if model.own_vocabulary else _RETOKENIZED
    each = math.ceil(max_tokens * ratio) + _SEAM_TOKENS
    if answer_format.go_on is not None:
        each += model.tokenizer.count_text(answer_format.go_on) + _FRAME_TOKENS
    return each
