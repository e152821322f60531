"""OpenAI's Responses API, which its newest models are served by, some of them by nothing else.

POST {base_url}/responses, and {base_url}/responses/input_tokens for a count. Its input_tokens
include cached ones, its output_tokens the reasoning, of which it shows a summary at most. Nothing
is stored there (`store: false`). As documented in
https://developers.openai.com/api/reference/resources/responses, and in the types of the package
`openai` 3.57.0 (types/responses/response_create_params.py, response.py, response_usage.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from experiment.prompts import Request
from providers.apis.api import Api
from providers.apis.finish_reasons import name_finish
from providers.apis.openai_usage import RESPONSES_NAMES, parse_openai_usage
from providers.apis.response_fields import AnswerNames, build_response
from providers.apis.response_items import read_items, read_tool_usage
from providers.capabilities import Capability, find_reasoning
from providers.provider import Provider
from providers.reply import ModelResponse, read_usage
from providers.usage_fields import read_usage_fields


class ResponsesApi(Api):
    """OpenAI's Responses API, at OpenAI or wherever else it is spoken."""

    def completion_url(self, provider: Provider, model_id: str) -> str:  # noqa: ARG002 - in the body
        """Return the URL that requests are posted to."""
        return f"{provider.base_url.rstrip('/')}/responses"

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, there are none."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def write_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a body of a prompt and of its options."""
        messages = [{"role": role, "content": content} for role, content in request.messages]
        written = {"model": provider.wire_model(model_id), "input": messages, "store": False}
        reasons = find_reasoning(capability, request.sampling).on is True
        shows_summary = reasons and capability.text == "summary"
        extra = request.sampling.get("extra") or {}
        return written | _name_options(
            options, capability.limit_field, extra, shows_summary=shows_summary
        )

    def _parse_body(self, provider: Provider, data: dict[str, Any]) -> ModelResponse:
        usage, written = read_usage(data), read_items(data["output"])
        found = read_usage_fields(usage)
        extras = (*written.extras, *read_tool_usage(data.get("tool_usage")))
        written = replace(written, extras=extras)
        names = AnswerNames(
            _read_finish(data), data.get("model"), data.get("id"), data.get("service_tier")
        )
        billed = parse_openai_usage(usage, found, RESPONSES_NAMES)
        return build_response(provider, names, written, billed, usage, found)


def _name_options(
    options: dict[str, Any], limit_field: str, extra: Mapping[str, Any], *, shows_summary: bool
) -> dict[str, Any]:
    """Return the options of a chat completion as this API has them; `extra` keeps its names."""
    named: dict[str, Any] = {}
    reasoning = {"summary": "auto"} if shows_summary else {}
    text: dict[str, Any] = {}
    for name, value in options.items():
        if name == limit_field:
            named["max_output_tokens"] = value
        elif name in extra and name not in ("reasoning", "text"):
            named[name] = value
        elif name == "reasoning_effort":
            reasoning = {"effort": value} | ({} if value == "none" else {"summary": "auto"})
        elif name == "reasoning" and isinstance(value, dict):
            reasoning |= value
        elif name == "response_format":
            text["format"] = _flatten_format(value)
        elif name == "verbosity":
            text["verbosity"] = value
        elif name == "text" and isinstance(value, dict):
            text |= value
        elif name == "logprobs":
            named |= {"include": ["message.output_text.logprobs"]} if value else {}
        else:
            named[name] = value
    return named | {
        name: value for name, value in (("reasoning", reasoning), ("text", text)) if value
    }


def _flatten_format(value: Any) -> Any:  # noqa: ANN401 - the user's
    """Return a response format as it stands here: a schema's parts beside its type."""
    schema = value.get("json_schema") if isinstance(value, dict) else None
    return {"type": "json_schema"} | schema if isinstance(schema, dict) else value


def _read_finish(data: dict[str, Any]) -> str:
    """Return why an answer ended: by its status, or by what it is incomplete for."""
    status = data.get("status")
    if status == "incomplete":
        status = (data.get("incomplete_details") or {}).get("reason") or status
    return name_finish(status)
