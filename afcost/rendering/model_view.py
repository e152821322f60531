"""What models take: one model's record, and one line for each of many."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.model_facts import REASONS, ModelCapability, list_facts
from providers.capabilities import Capability, FieldRule

LIST_HEADER = ["model", "reasons", "levels", "temperature", "prefill", "endpoint"]
LIST_NOTE = "if off: only in a request that does not reason; `afcost models show` says more"
_LABEL_WIDTH = 11
_USUAL = ("temperature", "top_p", "top_k")


def show_model(model: ModelCapability) -> None:
    """Print what a model takes."""
    console, name = draw.stdout(), model.name
    title = f"{name}, {name.id} at {name.provider}" if name.alias else str(name)
    draw.print_text(console, title, "bold")
    for label, text in list_facts(model):
        _print_fact(console, label, text)


def model_to_document(model: ModelCapability) -> dict[str, Any]:
    """Return what a model takes as a JSON document."""
    given, default = model.takes.to_json(), Capability()
    takes = {name: given.get(name, _plain(getattr(default, name))) for name in Capability.__slots__}
    for name in ("fields", "while_reasoning"):
        takes[name] = {field: {"taken": "taken"} | rule for field, rule in takes[name].items()}
    return {"schema": "afcost.model/1", **_model_to_row(model), "takes": takes}


def models_to_document(models: list[ModelCapability]) -> dict[str, Any]:
    """Return what models take as a JSON document, a line of the table for each."""
    rows = [_model_to_row(model) | _summarize(model.takes) for model in models]
    return {"schema": "afcost.models/1", "models": rows}


def build_list_row(model: ModelCapability) -> list[str]:
    """Return the cells of a model under `LIST_HEADER`."""
    takes = model.takes
    return [
        str(model.name),
        REASONS[takes.reasons],
        _format_levels(takes),
        _format_temperature(takes),
        _format_prefill(model),
        model.endpoint,
    ]


def _model_to_row(model: ModelCapability) -> dict[str, Any]:
    return {
        "provider": model.name.provider,
        "model": model.name.short_name,
        "model_id": model.name.id,
        "endpoint": model.endpoint,
        "prefill": model.prefill,
        "window": model.window,
    }


def _summarize(takes: Capability) -> dict[str, Any]:
    rules = {name: takes.fields.get(name, FieldRule("refused")).taken for name in _USUAL}
    return {
        "reasons": takes.reasons,
        "levels": list(takes.levels),
        "default_level": takes.default_level,
        "stops": takes.stops,
        "sampling": rules,
        "sure": takes.sure,
        "checked": takes.checked and takes.checked.isoformat(),
    }


def _format_levels(takes: Capability) -> str:
    if not takes.levels:
        return "tokens" if takes.budget else ""
    return "-".join(dict.fromkeys((takes.levels[0], takes.levels[-1])))


def _format_temperature(takes: Capability) -> str:
    if not _is_taken(takes.fields):
        return "no"
    always = takes.reasons == "never" or _is_taken({**takes.fields, **takes.while_reasoning})
    return "yes" if always else "if off"


def _is_taken(rules: Mapping[str, FieldRule]) -> bool:
    return "temperature" in rules and rules["temperature"].taken == "taken"


def _format_prefill(model: ModelCapability) -> str:
    if not model.prefill:
        return "no"
    always = model.takes.reasons in ("never", "unknown") or model.takes.prefill_while_reasoning
    return "yes" if always else "if off"


def _print_fact(console: Console, label: str, text: str) -> None:
    """Print a labelled text, wrapped under itself where the terminal is too narrow."""
    room = console.width - _LABEL_WIDTH if console.is_terminal else len(text) + 1
    lines = textwrap.wrap(draw.show(text), max(room, 20), break_long_words=False) or [""]
    for number, line in enumerate(lines):
        draw.print_text(console, (label if number == 0 else "").ljust(_LABEL_WIDTH) + line)


def _plain(value: Any) -> Any:  # noqa: ANN401 - a record's default
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
