"""The candidates of a Google answer: everything in them that a model wrote, or had done.

https://ai.google.dev/api/generate-content, and `Candidate` and `Part` in the package `google-genai`
3.6.1. A prompt that was blocked has no candidates, and nothing was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from providers.generated_text import (
    GeneratedText,
    join_answers,
    only_objects,
    only_texts,
    write_value,
)
from providers.reply import read_display_name, read_text

# Parts that are the work of a tool of the provider's, or no text.
_WORK = ("codeExecutionResult", "inlineData", "fileData", "toolCall", "toolResponse")
_WRITTEN = ("functionCall", "executableCode", "toolCall")
_TOOLS = ("groundingMetadata", "urlContextMetadata")


def read_candidates(data: dict[str, Any]) -> GeneratedText:
    """Read the candidates of an answer; the first is the answer."""
    candidates = data.get("candidates") or []
    everything = [_read_candidate(each) for each in candidates] or [GeneratedText("", "")]
    return replace(join_answers(everything), is_summary=True)


def describe_block(data: dict[str, Any]) -> str:
    """Return what an answer says of why a filter kept it, or its prompt, back."""
    feedback = data.get("promptFeedback")
    candidates = only_objects(data.get("candidates"))
    told: list[str] = []
    for place in only_objects([*candidates[:1], feedback]):
        reason = place.get("blockReason") or place.get("finishReason")
        message = place.get("finishMessage") or place.get("blockReasonMessage")
        rated = ", ".join(filter(None, map(_describe_rating, _list_ratings(place))))
        told += [read_display_name(reason), read_text(message), rated]
    return ": ".join(filter(None, told))


def _list_ratings(place: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ratings that blocked something, or else those that are high."""
    ratings = only_objects(place.get("safetyRatings"))
    blocked = [each for each in ratings if each.get("blocked") is True]
    return blocked or [each for each in ratings if each.get("probability") in ("HIGH", "MEDIUM")]


def _describe_rating(rating: dict[str, Any]) -> str:
    category, probability = (
        read_display_name(rating.get(name)) for name in ("category", "probability")
    )
    return " ".join(filter(None, (category, probability)))


def _read_candidate(candidate: dict[str, Any]) -> GeneratedText:
    parts = only_objects((candidate.get("content") or {}).get("parts"))

    def join(*, thoughts: bool) -> str:
        wanted = (part for part in parts if (part.get("thought") is True) is thoughts)
        return read_text("".join(only_texts(part.get("text") for part in wanted)))

    others = (write_value(part.get(name)) for part in parts for name in _WRITTEN)
    return GeneratedText(
        join(thoughts=False),
        join(thoughts=True),
        tuple(filter(None, others)),
        _count_listed(candidate),
        tuple(_find_work(candidate, parts)),
    )


def _find_work(candidate: dict[str, Any], parts: list[dict[str, Any]]) -> Iterator[str]:
    """Name what a candidate holds that no token of a text pays for."""
    for name in ("executableCode", *_WORK):
        if any(part.get(name) for part in parts):
            yield f"a part {name}"
    for name in _TOOLS:
        if candidate.get(name):
            yield f"{name} in the answer"


def _count_listed(candidate: dict[str, Any]) -> int:
    """Return how many tokens the log-probabilities of a candidate list."""
    listed = candidate.get("logprobsResult")
    chosen = listed.get("chosenCandidates") if isinstance(listed, dict) else None
    return len(chosen) if isinstance(chosen, list) else 0
