"""Tools of a body: those that the program runs itself are texts, all others are billed apart."""

from __future__ import annotations

import re
from typing import Any

from providers.clients.bodies.client_call import ClientApi
from providers.clients.bodies.prompt import Prompt, require_objects
from providers.errors import CannotPrice
from providers.secrets import quote_value

_OWN: dict[ClientApi, tuple[str, ...]] = {
    ClientApi.CHAT: ("function", "custom"),
    ClientApi.RESPONSES: ("function", "custom", "namespace"),
    ClientApi.MESSAGES: ("custom",),
    ClientApi.GENERATE: (),
}
# Tools of Anthropic's that the program runs, whose texts the API adds: 245 tokens for a shell, 700
# for an editor (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/bash-tool and
# .../text-editor-tool), with room for later versions.
_ADDED = ((re.compile(r"bash_\d+"), 1000), (re.compile(r"text_editor_\d+"), 2000))


def read_tools(api: ClientApi, prompt: Prompt, tools: object, where: str = "tools") -> None:
    """Put the tools of a body beside its messages.

    Raises:
        CannotPrice: the API, or another server, runs one of them.
    """
    if tools is None:
        return
    for tool in require_objects(where, tools):
        prompt.note_cache(tool)
        if api is ClientApi.GENERATE:
            _check_google_tool(tool)
        else:
            prompt.hidden_tokens += _check_tool(api, tool, where)
        if tool.get("type") == "namespace":
            read_tools(api, prompt, tool.get("tools"), f"{where}.tools")
        prompt.put_rest(tool)


def _check_tool(api: ClientApi, tool: dict[str, Any], where: str) -> int:
    """Return how many tokens the API adds for a tool."""
    kind = tool.get("type") or _OWN[api][0]
    if kind in _OWN[api]:
        return 0
    if api is ClientApi.MESSAGES:
        for pattern, tokens in _ADDED:
            if pattern.fullmatch(str(kind)):
                return tokens
    raise _refuse(where, kind)


def _check_google_tool(tool: dict[str, Any]) -> None:
    for name, value in tool.items():
        if name not in ("functionDeclarations", "function_declarations") and value is not None:
            raise _refuse("tools", name)


def _refuse(where: str, kind: object) -> CannotPrice:
    return CannotPrice(
        f"{where}: what {quote_value(kind)} costs, or adds to the prompt, is not known; use tools "
        "that your program runs itself"
    )
