"""Caching: what of the prompts was read from a cache or written to one, and what that saved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from estimator.cached_prefix import CachedPrefix, index_prefixes, name_write_class
from estimator.plan import Plan
from estimator.workload import PlannedModel
from pricing.money import Money, money_from_float
from runner.results.figures.run_part import PartRun


def list_caching(plan: Plan, run: PartRun) -> list[dict[str, Any]]:
    """Return each stage of a model of which anything is cached as JSON, in the plan's order.

    `saved_usd` is how much more the same tokens would have cost at the price of input, by the
    pinned prices; below zero where more was written than reading it saved. `write_usd` is by how
    much writing made it less. `planned` is that of the share that was run.
    """
    prefixes = index_prefixes(plan.models)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for number, (planned, actual) in enumerate(run.strata):
        prefix, share = prefixes.get(planned.key), run.shares[number]
        if prefix is None and not actual.cached_tokens:
            continue
        sums = found.setdefault((planned.stage, planned.model), dict.fromkeys(_SUMS, 0.0))
        card, prompt = plan.models[planned.model].card, math.ceil(planned.average_prompt)
        full, read, write = (
            float(card.rate_of_class(name).price_at(prompt)) / 1e6
            for name in ("input", "cache_read", _name_write(plan, planned.model, prefix))
        )
        written = actual.written_tokens, share * (planned.cache_written or 0)
        figures = (
            actual.cached_tokens,
            written[0],
            actual.cached_tokens * (full - read) - written[0] * (write - full),
            written[0] * (write - full),
            share * (planned.cache_read or 0),
            written[1],
            share * (planned.cache_saving or 0.0),
            written[1] * (write - full),
        )
        for name, figure in zip(_SUMS, figures, strict=True):
            sums[name] += figure
    return [_describe(plan, stage, model, sums) for (stage, model), sums in found.items()]


def list_savings(plan: Plan, cached: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Return what caching saved so far of each model of which anything was cached, as JSON.

    Prices are those of short prompts, so it is less exact than `list_caching`.

    Args:
        plan: of the run.
        cached: model as written -> tokens that were read from a cache, and written to one.
    """
    return [
        {
            "model": str(model.name),
            "read_tokens": cached[written][0],
            "written_tokens": cached[written][1],
            "saved_usd": _find_saving(model, *cached[written]).to_decimal_string(),
        }
        for written, model in plan.models.items()
        if any(cached.get(written, ()))
    ]


def _find_saving(model: PlannedModel, read: int, written: int) -> Money:
    keeps = {name_write_class(model.card, each.mark) for each in model.caching}
    full, of_read, of_write = (
        float(model.card.rate_of_class(name).base)
        for name in ("input", "cache_read", max(keeps, default="cache_write"))
    )
    return money_from_float((read * (full - of_read) - written * (of_write - full)) / 1e6)


_FIGURES = ("read", "written", "saved", "write")
_SUMS = (*_FIGURES, *(f"planned {name}" for name in _FIGURES))


def _name_write(plan: Plan, model: str, prefix: CachedPrefix | None) -> str:
    return (
        "cache_write" if prefix is None else name_write_class(plan.models[model].card, prefix.mark)
    )


def _describe(plan: Plan, stage: str, model: str, sums: dict[str, float]) -> dict[str, Any]:
    name = plan.models[model].name

    def figures(of: str) -> dict[str, Any]:
        return {
            "read_tokens": round(sums[f"{of}read"]),
            "written_tokens": round(sums[f"{of}written"]),
            "saved_usd": money_from_float(sums[f"{of}saved"]).to_decimal_string(),
            "write_usd": money_from_float(sums[f"{of}write"]).to_decimal_string(),
        }

    return {
        "stage": stage,
        "provider": name.provider,
        "model": name.short_name,
        **figures(""),
        "planned": figures("planned "),
    }
