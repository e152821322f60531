"""Programs that are rehearsed without a program: functions that ask, and get placeholders."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from estimator.counting import CountingMethod, build_tokenizer
from estimator.recorded import (
    ProgramEstimate,
    ProgramOptions,
    RecordedCall,
    Recording,
    estimate_recording,
)
from pricing.price_book import PriceBook
from providers.clients import ClientApi
from providers.registry import builtin_providers

# Asks a model, with what is asked or all messages, and returns its answer.
Ask = Callable[..., str]
MODEL, JUDGE = "gpt-4o-mini", "gpt-4.1"
_SHORT, _LONG = 40, 160  # words
_WORDS = ("the", "small", "river", "and", "old", "house", "with", "green", "garden")


class Rehearsal:
    """One run of a program, which keeps its calls."""

    def __init__(self, words: int) -> None:
        self._words = words
        self.calls: list[RecordedCall] = []

    def ask(
        self, asked: str | list[dict[str, str]], model: str = MODEL, label: str = "", **fields: Any
    ) -> str:
        """Record a call, and return its placeholder."""
        messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
        limit = fields.setdefault("max_tokens", 2000)
        words = min(self._words, limit)
        start = sum(map(ord, str(messages)))
        said = (_WORDS[(start + 2 * number) % len(_WORDS)] for number in range(words))
        answer = f"Placeholder {' '.join(said)}."
        body = json.dumps({"model": model, "messages": messages, **fields}).encode()
        tokens = build_tokenizer(model, CountingMethod()).count_text(answer)
        self.calls.append(
            RecordedCall(
                provider="openai",
                api=ClientApi.CHAT,
                model=model,
                label=label,
                body=body,
                streamed=False,
                answer_tokens=tokens,
                is_measured=False,
            )
        )
        return answer


def rehearse(study: Callable[[Ask], None], *, once: bool = False) -> Recording:
    """Record a program's two runs."""
    runs = [Rehearsal(words) for words in (_SHORT, _LONG)]
    for run in runs[: 1 if once else 2]:
        study(run.ask)
    return Recording(("python", "study.py"), *(tuple(run.calls) for run in runs), ())


def estimate(recording: Recording, **options: Any) -> ProgramEstimate:
    """Estimate a recording by the prices that are installed."""
    today = date(2026, 11, 21)
    book = PriceBook(today, [], [], {})
    given = ProgramOptions("study", book, builtin_providers(), today)
    return estimate_recording(recording, replace(given, **options))
