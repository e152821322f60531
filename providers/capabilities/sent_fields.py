"""Sent fields: what a request's body holds besides its model and prompt, for a model at a provider.

The fields of an experiment are portable: `max_tokens`, `temperature`, `stop`, `reasoning` and the
like. A model's record says what each is called there, and which are left out or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.capabilities.capability import Capability
from providers.capabilities.reasoning import find_reasoning


@dataclass(frozen=True, slots=True)
class SentFields:
    """What is sent for the sampling fields of a request.

    Attributes:
        fields: as they are in the body, the limit under its name there.
        changes: what is left out, renamed or translated, in words for a reader.
    """

    fields: dict[str, Any]
    changes: tuple[str, ...] = ()


def build_sent_fields(
    capability: Capability, sampling: Mapping[str, Any], *, prefill: str = ""
) -> SentFields:
    """Translate the sampling fields of a request for a model.

    Args:
        capability: of the model at its provider.
        sampling: the fields as an experiment writes them, `max_tokens` among them.
        prefill: the text of a final assistant message; empty where none is sent.

    Raises:
        NotTaken: the provider would refuse the request; says why, by which source, and the mend.
    """
    reasons = find_reasoning(capability, sampling).on
    rules = {**capability.fields, **(capability.while_reasoning if reasons else {})}
    sent, changes = {}, []
    for name, value in sampling.items():
        rule = rules.get(name)
        if rule is not None and rule.taken in ("own", "ignored"):
            changes.append(f"{name} is left out")
        elif name != "max_tokens":
            sent[rule.name if rule and rule.name else name] = value
    return SentFields({capability.limit_field: sampling["max_tokens"], **sent}, tuple(changes))
