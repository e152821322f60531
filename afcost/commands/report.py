"""`afcost report`: planned against actual, and the result of the experiment."""

from __future__ import annotations

import json
from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.run_summary import headline, money
from estimator.atomic_write import write_whole
from estimator.counting.calibration import ENOUGH
from estimator.forecast.stratum import CostRange, Stratum
from experiment.scoring.analysis import Analysis, Comparison
from pricing.money import Money
from runner.results.answer_export import export
from runner.results.price_check import PriceCheck
from runner.results.report import Actual, CountCheck, Report, inside, report
from runner.run_folder import open_run

_HEADER = [
    "stage",
    "model",
    "condition",
    "calls",
    "in",
    "planned",
    "out",
    "planned",
    "cost",
    "planned",
    "90% range",
]


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(["table", "json", "csv", "md"]), default="table")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it to a file.")
@click.option(
    "--answers", type=click.Path(path_type=Path), help="Also write every answer (csv, jsonl)."
)
def command(*, run: Path, format: str, output: Path | None, answers: Path | None) -> None:  # noqa: A002 - the option
    """Compare the cost of RUN, a run folder, with its plan and show the experiment's result."""
    opened = open_run(run)
    if answers is not None:
        count = export(opened, answers)
        draw.say(draw.notes(), f"Wrote {count:,} answers to {answers}.")
    found = report(opened)
    if format == "table" and output is None:
        _draw(found)
        return
    text = {"json": _json, "csv": _csv, "md": _markdown, "table": _markdown}[format](found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)


def _draw(found: Report) -> None:
    console = draw.out()
    draw.say(console, f"{found.run.plan.name}: {headline(found)}", "bold")
    draw.table(console, _HEADER, _rows(found), left=3, total=True)
    draw.say(console, money(found))
    draw.say(console, _forecast(found))
    for remark in _remarks(found):
        draw.say(console, f"  {remark}", "yellow")
    draw.say(console, "")
    header, rows = _result(found.analysis)
    draw.say(console, f"compliance, by {found.analysis.measure}", "bold")
    draw.table(console, header, rows, left=2)
    if found.analysis.measure != "proxy":
        draw.say(console, _agreement(found.analysis), "dim")


def _rows(found: Report) -> list[list[str]]:
    plan, strata = found.run.plan, found.strata
    rows = [
        [
            planned.stage,
            str(plan.models[planned.model].name),
            planned.condition,
            *_figures(found, [(planned, actual)], actual.cost, planned.cost),
        ]
        for planned, actual in strata
    ]
    total = _figures(found, list(strata), found.balance.settled, plan.total)
    return [*rows, ["total", "", "", *total]]


def _figures(
    found: Report, strata: list[tuple[Stratum, Actual]], cost: Money, planned_cost: CostRange
) -> list[str]:
    exact = all(planned.exactness == "exact" for planned, _ in strata)
    answered = sum(actual.requests for _, actual in strata)
    planned_requests = sum(planned.requests for planned, _ in strata)
    complete = found.outcome == "complete" or answered == planned_requests
    where = "inside" if inside(planned_cost, cost) else "outside"
    return [
        f"{answered:,} of {planned_requests:,}",
        draw.tokens(sum(actual.input_tokens for _, actual in strata)),
        ("" if exact else "~") + draw.tokens(sum(planned.input_tokens for planned, _ in strata)),
        draw.tokens(sum(actual.output_tokens for _, actual in strata)),
        "~" + draw.tokens(sum(planned.output.mean for planned, _ in strata)),
        draw.dollars(cost),
        draw.dollars(planned_cost.mean),
        where if complete else "partial",
    ]


def _remarks(found: Report) -> list[str]:
    """Name what a reader could miss: cut-off answers, failures, bookings that differ."""
    remarks = []
    for planned, actual in found.strata:
        where = f"{planned.stage} {planned.condition}"
        if actual.truncated:
            remarks.append(f"{where}: answers cut off at max_tokens: {actual.truncated:,}")
        if actual.failed:
            remarks.append(f"{where}: failed requests: {actual.failed:,}")
    for name, check in found.counts.items():
        if check.equal < check.calls:
            remarks.append(count_remark(name, check))
    remarks += [price_remark(name, c) for name, c in found.prices.items() if not c.agrees]
    return remarks + [f"{count:,} x {note}" for note, count in found.notes.items()]


def count_remark(name: str, check: CountCheck) -> str:
    """Say how bills differ from what was counted."""
    if check.least == check.most:
        bills = "its one bill" if check.calls == 1 else f"each of {check.calls:,} bills"
        when = "" if check.calls >= ENOUGH else f" once there are {ENOUGH} bills"
        each = f"{bills} differs from the count by {check.most:+,} tokens"
        return f"prompts of {name}: {each}; later estimates include this{when}"
    return (
        f"prompts of {name}: {check.equal:,} of {check.calls:,} billed as counted; differences of "
        f"{check.least:+,} to {check.most:+,} tokens, not constant, so not learned"
    )


def price_remark(name: str, check: PriceCheck) -> str:
    """Say that a provider bills by another price than was pinned."""
    return (
        f"price of {name} is wrong: its provider states {draw.dollars(check.stated)} for "
        f"{check.calls:,} calls, the pinned price gives {draw.dollars(check.pinned)} "
        f"({check.ratio:.3g} x); set it in afcost.prices.yaml, or run `afcost prices update`"
    )


def _forecast(found: Report) -> str:
    total = found.run.plan.total
    text = f"forecast {draw.dollars(total.q05)} – {draw.dollars(total.q95)} (90%)"
    if found.inside is None:
        return f"{text}, for the complete run; this run is incomplete"
    where = "inside" if found.inside else "outside"
    return f"{text}: actual {found.balance.settled} is {where}"


def _result(analysis: Analysis) -> tuple[list[str], list[list[str]]]:
    first = analysis.comparisons[0] if analysis.comparisons else None
    levels = [rate.level for rate in first.rates] if first else []
    header = ["model", "condition", *levels, "gap", "95% interval", "pairs", "missing"]
    return header, [_comparison(each) for each in analysis.comparisons]


def _comparison(each: Comparison) -> list[str]:
    gap = each.gap
    interval = "" if gap is None or gap.low is None or gap.high is None else (
        f"{gap.low * 100:+.1f} to {gap.high * 100:+.1f}"
    )  # fmt: skip
    estimate = "" if gap is None or gap.estimate is None else f"{gap.estimate * 100:+.1f} pp"
    rates = ["–" if rate.compliance is None else f"{rate.compliance:.1%}" for rate in each.rates]
    missing = sum(rate.missing for rate in each.rates)
    return [
        each.model,
        each.within or "all",
        *rates,
        estimate,
        interval,
        str(gap.pairs if gap else ""),
        str(missing),
    ]


def _agreement(analysis: Analysis) -> str:
    counts = analysis.agreement
    if not sum(counts.values()):
        return "no answer has both an accept or reject tag and a valid vote"
    return (
        f"tag vs judge: both comply {counts['both_comply']}, both refuse "
        f"{counts['both_refuse']}, only the tag complies {counts['proxy_only_complies']}, "
        f"only the judge complies {counts['judge_only_complies']}"
    )


def _json(found: Report) -> str:
    return json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n"


def _csv(found: Report) -> str:
    rows = []
    for stratum in found.to_json()["strata"]:
        planned = {f"planned_{name}": value for name, value in stratum.pop("planned").items()}
        rows.append(stratum | planned | stratum.pop("actual"))
    return draw.as_csv(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])


def _markdown(found: Report) -> str:
    header, rows = _result(found.analysis)
    return "\n".join([
        f"# {found.run.plan.name}: {headline(found)}\n",
        draw.as_markdown(_HEADER, _rows(found), left=3),
        f"{money(found)}  \n{_forecast(found)}\n",
        "".join(f"- {remark}\n" for remark in _remarks(found)),
        f"## Compliance, by {found.analysis.measure}\n",
        draw.as_markdown(header, rows, left=2),
        f"{_agreement(found.analysis)}\n" if found.analysis.measure != "proxy" else "",
    ])  # fmt: skip
