"""CallSums: what the answered calls of one stage and model came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pricing.money import Money
from runner.ledger import AnsweredCall


@dataclass(frozen=True, slots=True)
class CallSums:
    """What the answered calls of one stage and model came to; tokens as they were billed.

    Attributes:
        stage, model: of them.
        calls: how many.
        input_tokens: of prompts, cached ones too.
        cached_tokens: the part of them that was read from a cache.
        output_tokens: with the reasoning.
        reasoning_tokens: the part of them that is hidden.
        counted_tokens: of prompts, as counted here.
        cost: settled.
    """

    stage: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    counted_tokens: int = 0
    cost: Money = Money()  # noqa: RUF009 - frozen

    def plus(self, call: AnsweredCall) -> CallSums:
        """Return the sums with one more call."""
        answer = call.answer
        return CallSums(
            self.stage,
            self.model,
            self.calls + 1,
            self.input_tokens + answer.prompt_tokens,
            self.cached_tokens + answer.cache_read,
            self.output_tokens + answer.output,
            self.reasoning_tokens + answer.hidden,
            self.counted_tokens + call.attempt.counted,
            self.cost + call.settled,
        )

    def join(self, other: CallSums) -> CallSums:
        """Return the sums with those of other calls, under this stage and model."""
        return CallSums(
            self.stage,
            self.model,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.counted_tokens + other.counted_tokens,
            self.cost + other.cost,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as a decimal string of US dollars."""
        provider, _, model = self.model.partition("/")
        return {
            "stage": self.stage,
            "provider": provider,
            "model": model,
            "calls": self.calls,
            "counted_tokens": self.counted_tokens,
            "input_tokens": self.input_tokens,
            "cached_tokens": self.cached_tokens,
            "output_tokens": self.output_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost_usd": self.cost.to_decimal_string(),
        }
