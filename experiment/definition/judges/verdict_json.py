"""Verdict JSON: the schema of a judge's reply, for models that can be held to one.

Only what every API takes is in it. Anthropic's takes no `minimum` and no `maximum`
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs), so a short range of
whole numbers is a list of values, and any other says in words where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from experiment.definition.judges.verdict_field import VerdictField

_SCORES = (1, 2, 3, 4, 5)
_LONGEST_LIST = 21  # of whole numbers


def build_response_format(
    reason: str | None, fields: Iterable[VerdictField | None], scores: Iterable[str]
) -> dict[str, Any]:
    """Return a JSON schema with a reason, the fields of a verdict, and scores from 1 to 5."""
    properties: dict[str, Any] = {reason: {"type": "string"}} if reason else {}
    properties |= {field.name: _describe_field(field) for field in fields if field is not None}
    properties |= {name: {"type": "integer", "enum": list(_SCORES)} for name in scores}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    named = {"name": "verdict", "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": named}


def _describe_field(field: VerdictField) -> dict[str, Any]:
    if field.bounds is None:
        return {"type": "string", "enum": [word for word, _ in field.words]}
    low, high = field.bounds
    if low.is_integer() and high.is_integer() and high - low < _LONGEST_LIST:
        return {"type": "integer", "enum": list(range(int(low), int(high) + 1))}
    return {"type": "number", "description": f"from {low:g} to {high:g}"}
