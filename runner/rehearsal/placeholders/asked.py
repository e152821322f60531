"""Asked: the form that a call demands of its answer by its fields: a schema, JSON, or a tool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.clients import ClientApi, ClientCall

_LAST_TOOLS = re.compile("submit|final|finish|done|answer|complete", re.IGNORECASE)
_JSON_MIMES = ("application/json",)
_ENUM_MIME = "text/x.enum"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a call offers.

    Attributes:
        name: of it.
        schema: of its arguments.
        is_function: it is one of the older field `functions`, which has a reply of its own.
    """

    name: str
    schema: object
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer must be.

    Attributes:
        schema: of the JSON that it must be; None without one.
        is_json: it must be JSON, of whatever form.
        is_bare: of the schema's value the text alone, without quotes.
        tool: that must be called; None where an answer may be a text.
        tools: all that are offered, by name.
    """

    schema: object | None
    is_json: bool
    is_bare: bool
    tool: Tool | None
    tools: Mapping[str, Tool]


def find_asked(call: ClientCall) -> Asked:
    """Return what the answer to a call must be."""
    body = call.body
    tools = {tool.name: tool for tool in _list_tools(call.api, body)}
    schema, is_json, is_bare = _find_format(call.api, body)
    return Asked(schema, is_json, is_bare, _choose_tool(call.api, body, tools), tools)


def _find_format(api: ClientApi, body: Mapping[str, Any]) -> tuple[object | None, bool, bool]:
    """Return the schema, whether JSON is asked for, and whether its text is."""
    if api is ClientApi.GENERATE:
        config = _get(body, "generationConfig")
        mime = str(_get(config, "responseMimeType") or "")
        schema = _get(config, "responseJsonSchema") or _get(config, "responseSchema") or None
        is_json = schema is not None or mime in _JSON_MIMES
        return schema, is_json, mime == _ENUM_MIME
    holder = {
        ClientApi.CHAT: body.get("response_format"),
        ClientApi.RESPONSES: _get(body.get("text"), "format"),
        ClientApi.MESSAGES: _get(body.get("output_config"), "format") or body.get("output_format"),
    }[api]
    inner = _get(holder, "json_schema") or holder
    kind, schema = _get(holder, "type"), _get(inner, "schema")
    return (schema or None), kind in ("json_schema", "json_object"), False


def _list_tools(api: ClientApi, body: Mapping[str, Any]) -> Iterator[Tool]:
    """Yield the functions that the program runs itself."""
    for each in _list(body.get("tools")):
        if api is ClientApi.GENERATE:
            for declared in _list(_get(each, "functionDeclarations")):
                schema = _get(declared, "parametersJsonSchema") or _get(declared, "parameters")
                yield Tool(str(_get(declared, "name")), schema or {"type": "object"})
        elif api is ClientApi.MESSAGES:
            yield Tool(str(_get(each, "name")), _get(each, "input_schema") or {"type": "object"})
        elif _get(each, "type") == "function":
            inner = _get(each, "function") or each
            yield Tool(str(_get(inner, "name")), _get(inner, "parameters") or {"type": "object"})
    for each in _list(body.get("functions")) if api is ClientApi.CHAT else ():
        yield Tool(str(_get(each, "name")), _get(each, "parameters") or {}, is_function=True)


def _choose_tool(api: ClientApi, body: Mapping[str, Any], tools: Mapping[str, Tool]) -> Tool | None:
    """Return the tool that must be called; where it may be any, one that seems to end the work."""
    is_forced, names = _find_forced(api, body)
    allowed = [tools[name] for name in names if name in tools] or list(tools.values())
    if not is_forced or not allowed:
        return None
    return next((each for each in allowed if _LAST_TOOLS.search(each.name)), allowed[0])


def _find_forced(api: ClientApi, body: Mapping[str, Any]) -> tuple[bool, list[str]]:
    """Return whether a tool must be called, and which ones may; an empty list for all."""
    if api is ClientApi.GENERATE:
        calling = _get(_get(body, "toolConfig"), "functionCallingConfig")
        listed = [str(each) for each in _list(_get(calling, "allowedFunctionNames"), str)]
        return str(_get(calling, "mode")).upper() == "ANY", listed
    choice = body.get("tool_choice") or body.get("function_call")
    if isinstance(choice, str):
        return choice in ("required", "any"), []
    if _get(choice, "type") == "allowed_tools":
        allowed = _get(choice, "allowed_tools") or choice
        names = [
            _get(_get(each, "function") or each, "name") for each in _list(_get(allowed, "tools"))
        ]
        return _get(allowed, "mode") == "required", [str(each) for each in names]
    if _get(choice, "type") == "any":
        return True, []
    name = _get(_get(choice, "function") or choice, "name")
    return name is not None, [str(name)]


def _get(fields: object, name: str) -> Any:  # noqa: ANN401 - of JSON
    """Return a field of an object, also by its name in snake case; None where there is none."""
    if not isinstance(fields, Mapping):
        return None
    if name in fields:
        return fields[name]
    return fields.get(re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name))


def _list(value: object, kind: type = dict) -> list[Any]:
    """Return the members of a list that are of a kind."""
    return [each for each in value if isinstance(each, kind)] if isinstance(value, list) else []
