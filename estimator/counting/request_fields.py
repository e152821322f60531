"""Request fields that add to a prompt beside its messages: a schema, and a template's variables.

Providers put the schema of a structured output into the prompt, in a form of their own. OpenAI's
was found by a user: the compact JSON without `required`, `additionalProperties` and `$schema`, and
nine tokens (https://github.com/openai/openai-cookbook/issues/2140); Anthropic adds a system prompt
that explains the format; Google counts the schema as input. A server that only constrains decoding
(`guided_json`, `structured_outputs`: https://docs.vllm.ai/en/latest/features/structured_outputs/)
adds nothing. So a schema is counted as OpenAI does, and bounded by all of its text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from estimator.counting.token_count import Exactness, TokenCount, Tokenizer
from experiment.definition import VERDICT_SCHEMA, merge_extra
from experiment.prompts import Message

_SCHEMA_FIELDS = (
    *("response_format", "response_schema", "response_json_schema"),
    VERDICT_SCHEMA,
)
_UNTOLD = {"required", "additionalProperties", "$schema"}
_SCHEMA_TOKENS = 9
_SCHEMA_MARGIN = 64  # what a provider may write around a schema
_EXPLAINED_MARGIN = 512  # Anthropic's system prompt about a format, as long as the one about tools
_PLAIN_FORMATS = ("text", None)
_FORMAT_HOLDERS = ("text", "output_config")  # OpenAI's Responses, and Anthropic's
_TEMPLATE_FIELDS = ("chat_template_kwargs", "reasoning", "enable_thinking")
_ADDING_FIELDS = frozenset((*_SCHEMA_FIELDS, *_FORMAT_HOLDERS, *_TEMPLATE_FIELDS))


def count_request(
    tokenizer: Tokenizer, messages: Sequence[Message], sampling: Mapping[str, Any]
) -> TokenCount:
    """Count a prompt with what the request's fields add to it.

    Args:
        tokenizer: of the model.
        messages: of the request.
        sampling: its fields, as an experiment writes them.
    """
    return prepare_count(tokenizer, sampling)(messages)


def prepare_count(
    tokenizer: Tokenizer, sampling: Mapping[str, Any]
) -> Callable[[Sequence[Message]], TokenCount]:
    """Return what counts the prompts of requests with the same fields; as of `count_request`."""
    fields = _pick_adding_fields(sampling)
    if not fields:
        return tokenizer.count
    asked = _find_format(fields)

    def count_with_fields(messages: Sequence[Message]) -> TokenCount:
        count = _count_template(tokenizer, messages, fields)
        return count if asked is None else _add_schema(tokenizer, count, asked)

    return count_with_fields


def adds_to_prompt(sampling: Mapping[str, Any]) -> bool:
    """Return whether a request's fields may change the tokens of its prompt."""
    fields = _pick_adding_fields(sampling)
    if not fields:
        return False
    return _find_format(fields) is not None or bool(_template_variables(fields))


def describe_added_fields(sampling: Mapping[str, Any]) -> str:
    """Say how what a request's fields add to its prompt is counted; empty where nothing is added.

    What a portable `reasoning: off` may add is too little to speak of.
    """
    fields = _pick_adding_fields(sampling)
    said = []
    if _find_format(fields) is not None:
        said.append(
            "its schema is counted as OpenAI bills one, approximate, and reserved for in full"
        )
    if fields.get("chat_template_kwargs"):
        names = ", ".join(map(str, fields["chat_template_kwargs"]))
        said.append(f"counted with the template's {names}, bounded where its text is not known")
    return "; ".join(said)


def _pick_adding_fields(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a request's fields that may add to its prompt; most requests have none."""
    fields = merge_extra(sampling)
    if _ADDING_FIELDS.isdisjoint(fields):
        return {}
    return {name: fields[name] for name in _ADDING_FIELDS & fields.keys()}


def _count_template(
    tokenizer: Tokenizer, messages: Sequence[Message], fields: Mapping[str, Any]
) -> TokenCount:
    """Count with the variables of the chat template; with and without them where implied.

    Whether a provider turns reasoning off by the template or otherwise is not known here.
    """
    variables = _template_variables(fields)
    if not variables:
        return tokenizer.count(messages)
    count = tokenizer.count(messages, variables)
    if fields.get("chat_template_kwargs"):
        return count
    plain = tokenizer.count(messages)
    if count.exactness is not plain.exactness or count.tokens == plain.tokens:
        return plain  # what the template makes of them is not known, or nothing
    return TokenCount(count.tokens, Exactness.APPROXIMATE, max(count.bound, plain.bound))


def _template_variables(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables that a request gives to the chat template."""
    given = fields.get("chat_template_kwargs")
    if isinstance(given, dict) and given:
        return given
    asked = fields.get("reasoning")
    is_off = asked == "off" or (isinstance(asked, dict) and asked.get("enabled") is False)
    return {"enable_thinking": False} if is_off or fields.get("enable_thinking") is False else {}


def _find_format(fields: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - the user's
    """Return the format of the output that a request asks for; None for plain text."""
    for name in _FORMAT_HOLDERS:
        held = fields.get(name)
        if isinstance(held, dict) and (asked := _not_plain(held.get("format"))) is not None:
            return asked
    return next((each for name in _SCHEMA_FIELDS if (each := _not_plain(fields.get(name)))), None)


def _not_plain(asked: Any) -> Any | None:  # noqa: ANN401
    plain = isinstance(asked, dict) and set(asked) == {"type"} and asked["type"] in _PLAIN_FORMATS
    return None if plain or not asked else asked


def _add_schema(tokenizer: Tokenizer, count: TokenCount, asked: Any) -> TokenCount:  # noqa: ANN401
    schema = _find_schema(asked)
    tokens = 0
    if schema is not None:
        told = json.dumps(_without_untold(schema), separators=(",", ":"), ensure_ascii=False)
        tokens = tokenizer.count_text(told) + _SCHEMA_TOKENS
    longest = tokenizer.count_text(json.dumps(asked, indent=2))
    is_own = tokenizer.exactness in (Exactness.EXACT, Exactness.CALIBRATED)
    error = 1.0 if is_own else max(tokenizer.bound_scale / tokenizer.scale, 1.0)
    margin = _SCHEMA_MARGIN if is_own else _EXPLAINED_MARGIN
    return TokenCount(
        tokens=count.tokens + tokens,
        exactness=Exactness.APPROXIMATE,
        bound=count.bound + max(math.ceil(longest * error), tokens) + margin,
    )


def _find_schema(asked: Any) -> Any | None:  # noqa: ANN401
    """Return the schema in a format; None where only some JSON is asked for."""
    if not isinstance(asked, dict):
        return asked
    held = asked.get("json_schema", asked)
    if isinstance(held, dict) and "schema" in held:
        return held["schema"]
    return None if asked.get("type") == "json_object" else held


def _without_untold(schema: Any) -> Any:  # noqa: ANN401
    if isinstance(schema, dict):
        return {k: _without_untold(v) for k, v in schema.items() if k not in _UNTOLD}
    return [_without_untold(each) for each in schema] if isinstance(schema, list) else schema
