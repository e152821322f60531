"""Choices: how many answers one request may ask for, with its prompt billed once.

Chat completions have `n` for it. Who documents that its prompt is billed once has `choices` in its
row of `capabilities.yaml`. A judge's votes are asked for in this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiment.definition import merge_extra
from providers.capabilities.capability import Capability

# Fields by which an experiment itself asks for several answers, or for the best of several.
_OWN_CHOICES = frozenset({"n", "n_cmpl", "best_of", "use_beam_search", "candidateCount"})


def count_choices(capability: Capability, sampling: Mapping[str, Any]) -> int:
    """Return how many answers a request with these sampling fields may ask for at most."""
    if not _OWN_CHOICES.isdisjoint(merge_extra(sampling)):
        return 1
    never = capability.reasons == "never"
    return capability.choices if never else capability.reasoning_choices


def repeats_prompt(counted: int, billed: int, answers: int) -> bool:
    """Return whether a bill has the prompt for each of several answers, not once for all.

    Args:
        counted: tokens of the prompt.
        billed: prompt tokens of the bill.
        answers: that one request gave.
    """
    return answers > 1 and billed > counted and 2 * billed >= (1 + answers) * counted
