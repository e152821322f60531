"""Judge prompts: how many tokens they may have once an answer is in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from estimator.counting import TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.prompts import Request

if TYPE_CHECKING:  # where all counts are cached, no answer is put into a prompt
    from experiment.prompts import RequestBuilder
    from experiment.scoring import Answer

_VOCABULARY_MARGIN = 1.3  # factor on a text's length in another vocabulary
_SEAM_TOKENS = 8  # that may be added where an answer meets the text around it
_OUTPUT_MARK, _REASONING_MARK, _REFUSAL_MARK = "\ue001", "\ue002", "\ue003"


def judge_prompt_bound(  # noqa: PLR0913 - what a judge reads
    blank: TokenCount,
    answer_occurrences: int,
    judge: PlannedModel,
    subject: Request,
    model: PlannedModel,
    turns: int = 1,
) -> int:
    """Return a bound on a judge's prompt tokens before the answer is known.

    Args:
        blank: the prompt with an empty answer.
        answer_occurrences: how often the prompt contains the answer.
        judge: the judge's model.
        subject: the judged request; its answer has at most `max_tokens`, after its prefill.
        model: the subject's model.
        turns: in how many requests the answer may be written.

    In another vocabulary the answer may have more tokens, and a few more where it meets the text
    around it. Once the answer is known, the request is counted and reserved again.
    """
    longest = subject.max_tokens * turns
    return blank.bound + bound_answer(answer_occurrences, judge, model, longest, subject.prefill)


def bound_answer(
    occurrences: int, judge: PlannedModel, model: PlannedModel, longest: int, prefill: str
) -> int:
    """Return how many tokens an answer adds to a judge's prompt at most.

    Args:
        occurrences: how often the prompt contains it.
        judge: the judge's model.
        model: the subject's.
        longest: the most tokens that the answer can have, in the subject's vocabulary.
        prefill: what it goes on from.
    """
    same = model.tokenizer.name == judge.tokenizer.name
    if same and judge.own_vocabulary:
        ratio = 1.0
    else:
        ratio = judge.tokenizer.bound_scale / model.tokenizer.scale * _VOCABULARY_MARGIN
    longest += model.tokenizer.count_text(prefill)
    return occurrences * (math.ceil(longest * ratio) + _SEAM_TOKENS)


def convert_to_judge_tokens(subject: PlannedModel, judge: PlannedModel, tokens: float) -> float:
    """Return the expected length of a subject's text in the judge's vocabulary."""
    return tokens * judge.tokenizer.scale / subject.tokenizer.scale


def count_answer_occurrences(requests: RequestBuilder) -> dict[str, tuple[int, int]]:
    """Return how often each judge's prompt contains the answer's output and its reasoning.

    A refusal, where judges are asked about those, takes the place of an output: a model that is
    billed for one wrote it instead.
    """
    occurrences: dict[str, tuple[int, int]] = {}
    for probe in _list_probes():
        for request in requests.build_probes(probe):
            text = "".join(content for _, content in request.messages)
            outputs = text.count(_OUTPUT_MARK) + text.count(_REFUSAL_MARK)
            found = (outputs, text.count(_REASONING_MARK))
            before = occurrences.get(request.stage, (0, 0))
            occurrences[request.stage] = (max(before[0], found[0]), max(before[1], found[1]))
    return occurrences


def _list_probes() -> Iterator[Answer]:
    """Yield the answers whose marks are looked for: one that is text, and a refusal."""
    from experiment.scoring import Answer, AnswerKind  # noqa: PLC0415 - as above

    text = Answer.of_text(_OUTPUT_MARK, _REASONING_MARK)
    yield text
    yield replace(text, kind=AnswerKind.REFUSED, output="", refusal=_REFUSAL_MARK, accepted=None)
