"""The plan: its prices with their sources, what bills said of them, and where all comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import join_path
from afcost.page.shell.sections import PageSection
from afcost.page.shell.stages import name_stage

_CLASSES = ("cache_read", "cache_write", "cache_write_1h")
_CLASS_NAMES = {
    "cache_read": "cached",
    "cache_write": "cache write",
    "cache_write_1h": "cache write, 1 h",
}

Json = Mapping[str, Any]


def compose_plan(page: ReportPage) -> PageSection:
    """Return the section."""
    document = page.figures.document
    prices = document["planned_prices"]
    extras = [" · ".join(_list_extras(each)) for each in prices]
    values = {
        "prices": prices,
        "roles": [", ".join(map(name_stage, each["roles"])) for each in prices],
        "extras": extras,
        "has_extras": any(extras),
        "others": [_describe_others(each) for each in prices],
        "counts": {name: join_path("counts", name) for name in document["counts"]},
        "stated": {name: join_path("prices", name) for name in document["prices"]},
        "agrees": {name: each["agrees"] for name, each in document["prices"].items()},
        "approval": document["approval"],
        "provenance": document["provenance"],
        "models": list(_list_models(document["provenance"])),
        "versions": ", ".join(f"{k} {v}" for k, v in document["provenance"]["versions"].items()),
        "run": str(page.report.run_folder.path.name),
        "notes": document["notes"],
    }
    return PageSection("plan", "Plan", "report/money/plan.html.j2", values)


def _list_extras(price: Json) -> Iterator[str]:
    """Yield what else a model pays: caches, long prompts, fees, and what it was asked for."""
    for name in _CLASSES:
        if price[name] is not None:
            yield f"{_CLASS_NAMES[name]} {price[name]}"
    for step in price["long_prompts"]:
        rates = ", ".join(f"{_CLASS_NAMES.get(k, k)} {v}" for k, v in step.items() if k != "above")
        yield f"above {step['above']:,} prompt tokens: {rates}"
    if float(price["per_request"]):
        yield f"${price['per_request']} for each request"
    for name, rate in price["extra"].items():
        yield f"{name} {rate}"
    for name, option in price["asked"].items():
        yield f"{name}: {option}"


def _describe_others(price: Json) -> str:
    """Return whether other sources say the same, and where not, what they say."""
    others, agree = price["others"], price["others_agree"]
    if not others:
        return "your own price" if price["chosen_by_user"] else "no other source"
    if agree == len(others):
        return f"{agree} agree" if agree > 1 else "1 agrees"
    said = "; ".join(
        f"{each['source']}: {each['input']} in, {each['output']} out"
        for each in others
        if not each["agrees"]
    )
    return f"{agree} of {len(others)} agree; {said}"


def _list_models(provenance: Json) -> Iterator[tuple[str, str]]:
    """Yield each model with what its provider reported it as."""
    for model in provenance["models"].values():
        reported = ", ".join(f"{name or '(none)'}" for name in model["reported"]) or "nothing"
        prints = ", ".join(name for name in model["fingerprints"] if name)
        yield model["model"], reported + (f" (fingerprint {prints})" if prints else "")
