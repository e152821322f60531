"""Canonical ids: what is left of a model's id when its host's additions are taken away.

Hosts put makers, regions and paths before an id and versions, dates of serving and variants after
it. Rules about a model itself (how it counts, what it takes) match the canonical id, so that one
model is one family at every provider. Nothing is priced by it: a region or a variant may cost more.
"""

from __future__ import annotations

import re

# Amazon Bedrock: region.maker.model-v1:0. These are listed, as names have points of their own.
_REGIONS = "us|us-gov|eu|apac|au|jp|ca|sa|mx|global|regional"
_MAKERS = (
    "ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia"
    "|openai|qwen|stability|writer|xai|zai"
)
_MAKER = re.compile(rf"(?:(?:{_REGIONS})\.)?(?P<maker>{_MAKERS})\.(?=[a-z])")
_TAIL = re.compile(r"(?<!claude)(?<!instant)-v\d+:\d+$|(?<=\db)-\d:\d$")
_BARE_TAIL = re.compile(r"(?<!claude)(?<!instant)-v\d+$")
_MINOR_VERSION = re.compile(r"-v0:(?=\d$)")  # how it writes Mistral's v0.2
_DEEPSEEK = {"v3-v1:0": "v3.1"}  # the only V3 that it serves

_OLLAMA_SIZE = re.compile(r":(?=e?\d+(?:\.\d+)?[bmx])")
_OLLAMA_QUANTISATION = re.compile(r"-(?:i?q\d\w*|fp16|bf16|f16|mxfp4|nvfp4)$")
_AZURE_TUNED = re.compile(r"\.ft-.*$")
_FIREWORKS_POINT = re.compile(r"(?<=\d)p(?=\d)")  # v3p1 is 3.1
_MAKER_WORD = re.compile(r"^(?:meta-(?=llama)|nvidia-(?=nemotron)|zai-(?=glm))")
_QWEN_DASH = re.compile(r"^qwen-(?=\d(?:\.\d)?-)")  # qwen-3-32b, qwen-2.5-72b


def canonical_id(model_id: str) -> str:
    """Return a model's id in lower case, without paths, regions, makers, versions and variants.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` gives `claude-sonnet-4-5-20250929`,
    `ft:gpt-4o-mini-2024-07-18:org::id` gives `gpt-4o-mini-2024-07-18`, `llama3.1:8b` gives
    `llama3.1-8b`, `google/gemma-3-27b-it:free` gives `gemma-3-27b-it`.
    """
    name = model_id.lower().strip()
    while (shorter := _strip_once(name)) != name:
        name = shorter
    return name or model_id


def is_bedrock_id(model_id: str) -> bool:
    """Return whether an id has the form of Amazon Bedrock's: `us.anthropic.claude-sonnet-4-6`."""
    return _MAKER.match(model_id) is not None and "/" not in model_id


def _strip_once(name: str) -> str:
    """Take away what one host adds; a name that would become empty stays as it is."""
    if name.startswith("ft:"):
        return name.split(":")[1] or name
    last = name.partition("#")[0].rpartition("/")[2]
    bare = _AZURE_TUNED.sub("", _strip_bedrock(last))
    model, variant, _ = _OLLAMA_SIZE.sub("-", bare).partition(":")
    if ":" in bare and not variant:
        model = _OLLAMA_QUANTISATION.sub("", model)
    model = model.removesuffix("@default").replace("@", "-").strip()
    return _spell_evenly(model) or name


def _strip_bedrock(name: str) -> str:
    found = _MAKER.match(name)
    if found is None:
        return _TAIL.sub("", name)
    bare = name[found.end() :]
    if found["maker"] == "nvidia":
        return bare  # which names its models so itself: Nemotron Nano 9B v2
    if found["maker"] == "deepseek":
        return f"deepseek-{_TAIL.sub('', _DEEPSEEK.get(bare, bare)).removeprefix('deepseek-')}"
    return _BARE_TAIL.sub("", _TAIL.sub("", _MINOR_VERSION.sub("-v0.", bare)))


def _spell_evenly(name: str) -> str:
    """Spell a name as most hosts do."""
    return _QWEN_DASH.sub("qwen", _FIREWORKS_POINT.sub(".", _MAKER_WORD.sub("", name)))
