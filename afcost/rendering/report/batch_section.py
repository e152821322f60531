"""The section of a report on what was asked for less: in batches, at flex, and with cached prompts.

It is there only where something was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from afcost.rendering.console import format_dollars, format_tokens
from afcost.rendering.report.blocks import Paragraph, Section, Table
from afcost.rendering.run_summary import describe_course
from estimator.processing import Way, find_way
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.results import Report
from runner.results.figures import list_batches, list_batching, list_caching

_MOST_ROWS = 8  # batches that have a row each; of more, those of a stage and model share one
_HEADER = ["requests", "settled", "held", "free", "cost", "planned", "took"]
_COUNTS = ("requests", "settled", "held", "released")

Json = Mapping[str, Any]


def compose_batches(report: Report) -> list[Section]:
    """Return the section; none where all was asked by calls, and nothing was cached."""
    plan, run = report.run_folder.plan, report.part_run
    lines = (
        *(_describe_saving(each) for each in list_batching(plan, run, report.batches)),
        *_describe_flex(report),
        *(describe_caching(each) for each in list_caching(plan, run)),
    )
    if not lines:
        return []
    table = _build_table(list_batches(plan, report.batches))
    return [Section("batches and cached prompts", (*table, Paragraph(lines)))]


def _build_table(batches: Sequence[Json]) -> list[Table]:
    if not batches:
        return []
    names = list(dict.fromkeys(map(_name, batches)))
    ordered = sorted(batches, key=lambda each: names.index(_name(each)))
    if len(batches) <= _MOST_ROWS:
        rows = [[*_name(each), *_list_cells([each])] for each in ordered]
        return [Table(["stage", "model", *_HEADER], rows, 2)]
    groups = [(name, list(found)) for name, found in groupby(ordered, key=_name)]
    rows = [[*name, f"{len(found):,}", *_list_cells(found)] for name, found in groups]
    return [Table(["stage", "model", "batches", *_HEADER], rows, 2)]


def _name(each: Json) -> tuple[str, str]:
    return each["stage"], "/".join(filter(None, (each["provider"], each["model"])))


def _list_cells(batches: Sequence[Json]) -> list[str]:
    counts = [f"{sum(each[name] for each in batches):,}" for name in _COUNTS]
    planned = [each["planned_usd"] for each in batches]
    return [
        *counts,
        _add(each["cost_usd"] for each in batches),
        "–" if None in planned else _add(planned),
        describe_course(batches),
    ]


def _add(dollars: Iterator[str] | Sequence[str]) -> str:
    return format_dollars(sum(map(Money.from_usd, dollars), Money()))


def _describe_saving(each: Json) -> str:
    text = f"batches of {_say(each)}: {each['answered']:,} answers"
    if each["saved_usd"] is None:
        return f"{text}; what calls would have cost is not known"
    planned = each["planned"]["saved_usd"]
    after = "planned as calls" if planned is None else f"planned {_dollars(planned)}"
    return f"{text}; saved {_dollars(each['saved_usd'])} against calls, {after}"


def _describe_flex(report: Report) -> Iterator[str]:
    plan = report.run_folder.plan
    for name in dict.fromkeys(planned.model for planned, _ in report.strata):
        if find_way(plan.models[name]) is Way.FLEX:
            yield f"calls of {plan.models[name].name}: at a lower priority (flex)"


def describe_caching(each: Json) -> str:
    """Return what of a stage's prompts was cached, and what that saved, beside what was planned."""
    saved, planned = each["saved_usd"], each["planned"]
    written = f"{format_tokens(each['written_tokens'])} written"
    if Money.from_usd(each["write_usd"]):
        written += f" (for {_dollars(each['write_usd'])})"
    return (
        f"cached prompts of {_say(each)}: {format_tokens(each['read_tokens'])} tokens read, "
        f"{written}; saved {_dollars(saved)}; planned "
        f"{format_tokens(planned['read_tokens'])} read, "
        f"{format_tokens(planned['written_tokens'])} written, {_dollars(planned['saved_usd'])}"
    )


def _say(each: Json) -> str:
    stage, model = _name(each)
    return model if stage == SUBJECT else f"{model} (judge {stage})"


def _dollars(amount: str) -> str:
    return format_dollars(Money.from_usd(amount))
