"""Listed ids: under which ids the price tables list what a provider's model is called.

Bedrock has one model under many ids: in one region (`anthropic.claude-sonnet-4-6`), in a geography
(`us.`, `eu.`), anywhere (`global.`). Geography and region cost 10 % more than anywhere for most
models since Claude 4.5: https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html
and anthropics/claude-code#83690. Tables write `regional.` for the United States, and a region's
price is that of its geography; a bare id in them may be the price of `global.`.

A fine-tuned model costs what its base costs once it is fine-tuned, never what its base costs.
"""

from __future__ import annotations

import re

from pricing.catalog.billing_rules import costs_the_same_everywhere
from pricing.sources import strip_date

ListedIds = tuple[str, ...]

_BEDROCK = re.compile(
    r"(?:(us-gov|us|eu|apac|au|jp|ca|in|sa|global|regional)\.)?(.+?)(-v\d+(?::\d+)?)?"
)
_TAILS = ("", "-v1:0", "-v1")
_VERTEX_CLAUDE = re.compile(r"claude-(opus|sonnet|haiku)-(\d+)(?!.*\d)")


def list_price_ids(provider: str, model_id: str) -> tuple[ListedIds, ...]:
    """Return the ids under which a model's price may be listed, the best first.

    Returns:
        groups of ids. Of a group, the first id that a source lists is that source's; a later group
        counts only where no source lists any id of an earlier one.
    """
    if provider == "aws":
        return _list_bedrock_ids(model_id)
    if model_id.startswith("ft:"):
        base = ":".join(model_id.split(":")[:2])
        return (tuple(dict.fromkeys(filter(None, (model_id, base, strip_date(base))))),)
    if provider == "vertex":
        return (_list_vertex_ids(model_id),)
    return ((model_id,),)


def find_global_id(provider: str, model_id: str) -> str | None:
    """Return the id of the same model served anywhere; None where an id has no region."""
    if provider != "aws":
        return None
    region, name, tail = _split(model_id)
    return None if region == "global" else f"global.{name}{tail}"


def find_regional_id(provider: str, model_id: str) -> str | None:
    """Return the id of the same model in one geography, for one that is served anywhere."""
    region, name, tail = _split(model_id) if provider == "aws" else ("", "", "")
    return f"us.{name}{tail}" if region == "global" else None


def _list_vertex_ids(model_id: str) -> ListedIds:
    """Return an id as Vertex has it, without its date, and in the tables' older order of words."""
    bare = model_id.partition("@")[0].replace(".", "-") if "claude" in model_id else model_id
    older = _VERTEX_CLAUDE.sub(r"claude-\2-\1", bare)
    return tuple(dict.fromkeys((model_id, model_id.partition("@")[0], bare, older)))


def _list_bedrock_ids(model_id: str) -> tuple[ListedIds, ...]:
    region, name, tail = _split(model_id)
    bare, regional = _spell(name, tail), _spell(f"regional.{name}", tail)
    if not region:
        return ((*regional, model_id, *bare),)
    exact = (model_id, *_spell(f"{region}.{name}", tail))
    if region in {"us", "regional"}:
        return ((*exact, *regional, *bare),)
    if region in {"global", "us-gov"}:
        return (exact,)
    return (exact, regional) if costs_the_same_everywhere("aws", name) else (exact,)


def _split(model_id: str) -> tuple[str, str, str]:
    """Return the region, the name and the version tail of an id of Bedrock."""
    found = _BEDROCK.fullmatch(model_id.replace("@", "-"))
    return (found[1] or "", found[2], found[3] or "") if found else ("", model_id, "")


def _spell(name: str, tail: str) -> ListedIds:
    """Return the spellings of an id: tables differ in version tails and dates."""
    tails = _TAILS if tail in _TAILS else (tail, tail.partition(":")[0])
    names = [each for each in (name, strip_date(name)) if each]
    return tuple(dict.fromkeys(f"{each}{end}" for each in names for end in (tail, *tails)))
