"""Response fields that every API has, put together into a `ModelResponse` in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pricing.money import Money
from pricing.usage import Usage
from providers.apis.finish_reasons import ERROR
from providers.generated_text import GeneratedText
from providers.provider import Provider
from providers.reply import Choice, ModelResponse, read_display_name, read_name
from providers.usage_fields import UsageFields


@dataclass(frozen=True, slots=True)
class AnswerNames:
    """What a response says of the answer as a whole, as it came.

    Attributes:
        finish: why it ended, in the words of `ModelResponse`.
        model, id, tier, geo, fingerprint: as of `ModelResponse`; anything but a text is made
            harmless.
    """

    finish: str
    model: object = None
    id: object = None
    tier: object = None
    geo: object = None
    fingerprint: object = None


def build_response(  # noqa: PLR0913 - what a response consists of
    provider: Provider,
    names: AnswerNames,
    written: GeneratedText,
    billed: Usage,
    usage: dict[str, Any],
    found: UsageFields,
    *,
    stated_cost: Money | None = None,
    other_models: Iterable[object] = (),
    choices: tuple[Choice, ...] = (),
) -> ModelResponse:
    """Return a response of any API.

    Args:
        provider: where it came from.
        names: of the answer, its model and its tier.
        written: everything that the model wrote.
        billed: the tokens, in disjoint classes.
        usage: the usage object as it came.
        found: what else it says.
        stated_cost: what the provider says that it billed.
        other_models: that took part.
        choices: all of its answers where it gives more than one.
    """
    shows_nothing = not any((written.text, written.reasoning, written.refusal, written.others))
    return ModelResponse(
        text=written.text,
        reasoning=written.reasoning,
        finish=names.finish or (ERROR if shows_nothing else ""),
        usage=billed,
        stated_cost=stated_cost,
        model=read_name(names.model),
        id=read_name(names.id),
        raw_usage=usage,
        tier=read_display_name(names.tier),
        geo=read_display_name(names.geo),
        fingerprint=read_display_name(names.fingerprint),
        other_texts=written.others,
        least_output=written.least_tokens,
        extras=(*found.extras, *written.extras),
        unknown_counts=found.unknown_counts,
        costs=found.costs,
        other_models=tuple(map(read_name, other_models)),
        cites_web=written.cites_web,
        builtin_url=provider.builtin_url,
        is_summary=written.is_summary,
        refusal=written.refusal,
        note=written.note,
        choices=choices,
    )
