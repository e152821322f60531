"""Judge prompts: how long they get with an answer in them."""

from __future__ import annotations

import math

from estimator.counting.token_count import TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests
from experiment.scoring.answer import Answer

_OTHER_VOCABULARY = 1.3  # margin of a text's length in another vocabulary

_SEAMS = 8  # tokens that may be added where an answer meets the text around it

_OUTPUT, _REASONING = "\ue001", "\ue002"


def judge_bound(
    blank: TokenCount, uses: int, judge: PlannedModel, subject: Request, model: PlannedModel
) -> int:
    """Give the prompt tokens that a judge's request may come to, before the answer is known.

    Args:
        blank: the prompt with an empty answer.
        uses: how often the answer stands in it.
        judge: the judge's model.
        subject: the judged request; its answer has at most `max_tokens`, after its prefill.
        model: the subject's model.

    In another vocabulary the answer may have more tokens, and where it meets the text around it a
    few more. Once it is known, the request is counted and reserved anew.
    """
    same = model.tokenizer.name == judge.tokenizer.name
    if same and judge.own_vocabulary:
        ratio = 1.0
    else:
        ratio = judge.tokenizer.bound_scale / model.tokenizer.scale * _OTHER_VOCABULARY
    longest = subject.max_tokens + model.tokenizer.count_text(subject.prefill)
    return blank.bound + uses * (math.ceil(longest * ratio) + _SEAMS)


def carried_tokens(subject: PlannedModel, judge: PlannedModel, tokens: float) -> float:
    """Give the expected length of a subject's text in the judge's vocabulary."""
    return tokens * judge.tokenizer.scale / subject.tokenizer.scale


def uses_of_answer(requests: Requests, subject: Request) -> dict[str, tuple[int, int]]:
    """Give how often each judge's prompt holds the answer's output and its reasoning."""
    probe = Answer(output=_OUTPUT, reasoning=_REASONING, accepted=True)
    uses = {}
    for request in requests.judges(subject, probe):
        text = "".join(content for _, content in request.messages)
        uses[request.stage] = (text.count(_OUTPUT), text.count(_REASONING))
    return uses
