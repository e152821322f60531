"""Which shape an answer has, and whether its text complies: drawn from the seed and the prompt.

The same prompt to the same model always has the same answer, whichever API asks and in whichever
order, so a test knows the truth about every request. A judge's prompts are never drawn for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tests.support.provider.answers import JUDGES_FIELD

Shape = Literal[
    "text",  # the usual answer
    "refused",  # by the model, in the field that its API has for it
    "refused_midway",  # the same, after half of a text
    "filtered",  # by the provider's filter, after the prompt was taken
    "blocked",  # by the provider's filter, which did not take the prompt (Google)
    "truncated",  # all of max_tokens was spent on reasoning, before any text
    "empty",  # no text at all, and no reason
    "failed",  # the provider broke off after half of a text
]
ReasoningDisplay = Literal[
    "",  # not shown
    "native",  # in the place that the API has for it
    "think",  # at the head of the text, in <think> tags
    "unopened",  # the same, without the opening tag, which the prompt's template has written
]


@dataclass(frozen=True)
class Drawn:
    """What an answer is.

    Attributes:
        shape: its shape.
        complies: whether its text, if it has one, does what is asked; None where that is not drawn.
        display: how its reasoning is shown.
    """

    shape: Shape = "text"
    complies: bool | None = None
    display: ReasoningDisplay = ""


def check_shapes(shares: Mapping[str, float]) -> None:
    """Refuse a misspelt shape, which would never be drawn, and shares of more than all answers."""
    if unknown := set(shares) - set(get_args(Shape)):
        raise ValueError(f"no shapes {unknown}; there are {', '.join(get_args(Shape))}")
    if sum(shares.values()) > 1:
        raise ValueError(f"the shares add up to more than 1: {dict(shares)}")


def draw(
    key: str,
    prompt: str,
    shares: Mapping[str, float],
    complies: Mapping[str, float],
    display: ReasoningDisplay,
) -> Drawn:
    """Draw what the answer to a prompt is.

    Args:
        key: of the seed, the model and the prompt.
        prompt: all of its text.
        shares: shape -> how likely it is; the rest are texts.
        complies: a part of a prompt -> how likely a text complies there; the first that fits.
        display: how reasoning is shown.
    """
    if JUDGES_FIELD in prompt:
        return Drawn()
    dice = random.Random(key)
    shape = _draw_shape(dice.random(), shares)
    return Drawn(shape, _draw_compliance(dice.random(), prompt, complies), display)


def _draw_shape(drawn: float, shares: Mapping[str, float]) -> Shape:
    below = 0.0
    for shape in get_args(Shape):
        below += shares.get(shape, 0.0)
        if drawn < below:
            found: Shape = shape
            return found
    return "text"


def _draw_compliance(drawn: float, prompt: str, complies: Mapping[str, float]) -> bool | None:
    share = next((share for part, share in complies.items() if part in prompt), None)
    return None if share is None else drawn < share
