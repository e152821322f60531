"""Judge messages: what a judge is told of an answer, or before there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiment.definition import Condition, Experiment, Judge
from experiment.prompts.fences import disarm_text, make_fence
from experiment.prompts.message_renderer import MessageRenderer
from experiment.prompts.request import Message
from experiment.prompts.request_kind import drop_empty_prefill
from experiment.scoring import Answer, AnswerKind

_PREVIEW = Answer.of_text("[output]", "[reasoning]")
_MAX_FENCES = 4096


class JudgeMessages:
    """Makes the messages of an experiment's judges.

    Args:
        experiment: that has the judges.
        messages: renders them.
        conditions: by name.
    """

    def __init__(
        self,
        experiment: Experiment,
        messages: MessageRenderer,
        conditions: Mapping[str, Condition],
    ) -> None:
        self._experiment, self._messages, self._conditions = experiment, messages, conditions
        self._last: dict[object, tuple[object, tuple[Message, ...]]] = {}
        self._blank_groups: dict[object, int] = {}
        self._blank_fences: dict[int, str] = {}

    def render(
        self, judge: Judge, condition: str, query: int, answer: Answer | None
    ) -> tuple[Message, ...]:
        """Return what a judge is told of an answer; None for one that is not known yet.

        Consecutive votes on an answer share it.
        """
        key = (condition, query, answer)
        slot = (judge.name, answer is _PREVIEW)
        if slot not in self._last or self._last[slot][0] != key:
            variables = self._list_variables(condition, query, answer)
            messages = self._messages.render(judge.name, judge.model, condition, variables)
            self._last[slot] = key, drop_empty_prefill(messages)
        return self._last[slot][1]

    def preview(self, judge: Judge, condition: str, query: int) -> tuple[Message, ...]:
        """Return the same for a person, with names in place of the answer's texts."""
        return self.render(judge, condition, query, _PREVIEW)

    def find_blank_group(self, judge: Judge, condition: str) -> int | None:
        """Return a number that conditions share; as of `RequestBuilder.find_blank_group`."""
        cut = self._messages.find_cut(judge.name, judge.model, condition)
        if cut is None or not cut.names.isdisjoint(self._conditions[condition].variables):
            return None
        return self._blank_groups.setdefault((judge.name, cut.content), len(self._blank_groups))

    def _list_variables(self, condition: str, query: int, answer: Answer | None) -> dict[str, Any]:
        """Return the variables of a judge's templates."""
        text = self._experiment.queries[query]
        output, reasoning, refusal = map(disarm_text, _list_texts(answer))
        texts = (text, output, reasoning, refusal)
        return {
            "refusal": refusal,  # a condition of before may have variables of these names
            "kind": (answer.kind if answer else AnswerKind.TEXT).value,
            "fence": make_fence(texts) if answer else self._find_blank_fence(query, texts),
            **self._experiment.list_query_variables(query),
            **self._conditions[condition].variables,
            "query": text,
            "output": output,
            "reasoning": reasoning,
        }

    def _find_blank_fence(self, query: int, texts: Sequence[str]) -> str:
        """Return the fence of an answer that is not known yet, which all conditions share."""
        fence = self._blank_fences.get(query)
        if fence is None:
            if len(self._blank_fences) >= _MAX_FENCES:
                self._blank_fences.clear()
            fence = self._blank_fences[query] = make_fence(texts)
        return fence


def _list_texts(answer: Answer | None) -> tuple[str, str, str]:
    """Return what a judge may be given of an answer: its output, its reasoning, its refusal."""
    return (answer.output, answer.reasoning, answer.refusal) if answer else ("", "", "")
