"""Bodies of Google's `generateContent`; the model is in the path.

Google takes every name in camel case and in snake case, as protocol buffers have it.
"""

from __future__ import annotations

from typing import Any

from providers.clients.bodies.client_call import ClientApi
from providers.clients.bodies.prompt import (
    Prompt,
    refuse_part,
    require_object,
    require_objects,
)
from providers.clients.bodies.tools import read_tools
from providers.errors import CannotPrice

_ROLES = {"user": "user", "model": "assistant"}
_TEXT = ("text", "thought", "thoughtSignature", "partMetadata")
_WHOLE = ("functionCall", "executableCode", "codeExecutionResult")
_ONLY_IN_CONFIG = ("maxOutputTokens", "candidateCount")
_SCHEMAS = ("responseSchema", "responseJsonSchema")


def flatten_generate(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a body with those of its `generationConfig`, in camel case.

    Raises:
        CannotPrice: `generationConfig` is no object, a field is given twice, or a limit is where
            Google does not read it.
    """
    beside = name_in_camel_case(body)
    if misplaced := next((name for name in _ONLY_IN_CONFIG if name in beside), None):
        raise CannotPrice(f"{misplaced}: it bounds nothing here; write it into generationConfig")
    config = require_object("generationConfig", beside.get("generationConfig"))
    inner = name_in_camel_case(config)
    if twice := beside.keys() & inner.keys():
        raise CannotPrice(f"{min(twice)}: it is given twice; leave one out")
    return beside | inner


def read_generate(body: dict[str, Any]) -> Prompt:
    """Read the prompt of a body.

    Args:
        body: as `flatten_generate` gives it.

    Raises:
        CannotPrice: a part of it cannot be bounded.
    """
    prompt = Prompt()
    if body.get("systemInstruction"):
        prompt.say("system", _read_content(prompt, body["systemInstruction"]))
    contents = body.get("contents")
    listed = [contents] if isinstance(contents, dict) else contents
    for content in require_objects("contents", listed):
        role = str(content.get("role") or "user")
        prompt.say(_ROLES.get(role, "user"), _read_content(prompt, content))
    tools = body.get("tools")
    read_tools(ClientApi.GENERATE, prompt, [tools] if isinstance(tools, dict) else tools)
    for name in _SCHEMAS:
        prompt.put_format(require_object(name, body.get(name)))
    _check_modalities(body.get("responseModalities"))
    return prompt


def name_in_camel_case(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an object with their names in camel case.

    Raises:
        CannotPrice: one of them is given in both.
    """
    named: dict[str, Any] = {}
    for name, value in fields.items():
        first, *more = name.split("_")
        written = first + "".join(word[:1].upper() + word[1:] for word in more)
        if written in named:
            raise CannotPrice(f"{written}: it is given twice; leave one out")
        named[written] = value
    return named


def _read_content(prompt: Prompt, content: object) -> str:
    """Return the text of a content; what else is in it is put beside."""
    if isinstance(content, str):
        return content
    parts = name_in_camel_case(require_object("contents", content)).get("parts") or []
    texts: list[str] = []
    for written in require_objects("parts", [parts] if isinstance(parts, dict) else parts):
        part = {n: v for n, v in name_in_camel_case(written).items() if v is not None}
        if isinstance(part.get("text"), str):
            _check_part(part, _TEXT)
            prompt.put_rest(part, "text")
            if part.get("thought") is True:
                prompt.put_beside(part["text"])
                continue
            if texts:
                prompt.put_beside('{"text":""}')  # what Google puts between them is not known
            texts.append(part["text"])
        else:
            _check_part(part, (*_TEXT, *_WHOLE, "functionResponse"))
            _check_result(part.get("functionResponse"))
            prompt.put_rest(part)
    return "".join(texts)


def _check_part(part: dict[str, Any], known: tuple[str, ...]) -> None:
    if other := next((name for name in part if name not in known), None):
        kind = f"{other} media" if "Data" in other or "Metadata" in other else other
        raise refuse_part("contents.parts", kind)


def _check_result(result: object) -> None:
    """Raise where the result of a tool has more than texts."""
    fields = name_in_camel_case(require_object("functionResponse", result))
    for part in require_objects("functionResponse.parts", fields.get("parts") or []):
        if other := next(iter(name_in_camel_case(part)), None):
            raise refuse_part("functionResponse.parts", f"{other} media")


def _check_modalities(asked: object) -> None:
    if asked and asked not in (["TEXT"], ["text"], ["Text"]):
        raise CannotPrice("responseModalities: afcost prices texts; ask for TEXT alone")
