"""`afcost report`: planned against actual cost, and the experiment's result."""

from __future__ import annotations

import json
from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.run_summary import describe_balance, describe_outcome
from estimator.atomic_write import write_atomically
from estimator.counting import MIN_BILLS
from estimator.forecast import CostRange, Stratum
from experiment.scoring import Analysis, Comparison
from pricing.money import Money
from runner.results import (
    CountCheck,
    PriceCheck,
    Report,
    StratumActual,
    build_report,
    export_answers,
    is_within_forecast,
)
from runner.run_folder import open_run_folder

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
def report_command(*, run: Path, format: str, output: Path | None, answers: Path | None) -> None:  # noqa: A002 - the option
    """Compare what RUN, a run folder, cost with its plan, and show the experiment's result."""
    opened = open_run_folder(run)
    if answers is not None:
        count = export_answers(opened, answers)
        draw.print_text(draw.stderr(), f"Wrote {count:,} answers to {answers}.")
    found = build_report(opened)
    if format == "table" and output is None:
        _print_report(found)
        return
    text = {
        "json": _render_json,
        "csv": _render_csv,
        "md": _render_markdown,
        "table": _render_markdown,
    }[format](found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, text)


def _print_report(report: Report) -> None:
    console = draw.stdout()
    draw.print_text(console, f"{report.run_folder.plan.name}: {describe_outcome(report)}", "bold")
    draw.print_table(console, _HEADER, _build_rows(report), left_columns=3, has_total=True)
    draw.print_text(console, describe_balance(report))
    draw.print_text(console, _describe_forecast(report))
    for remark in _list_remarks(report):
        draw.print_text(console, f"  {remark}", "yellow")
    draw.print_text(console, "")
    header, rows = _build_result_table(report.analysis)
    draw.print_text(console, f"compliance, by {report.analysis.measure}", "bold")
    draw.print_table(console, header, rows, left_columns=2)
    if report.analysis.measure != "proxy":
        draw.print_text(console, _describe_agreement(report.analysis), "dim")


def _build_rows(report: Report) -> list[list[str]]:
    plan, strata = report.run_folder.plan, report.strata
    rows = [
        [
            planned.stage,
            str(plan.models[planned.model].name),
            planned.condition,
            *_format_figures(report, [(planned, actual)], actual.cost, planned.cost),
        ]
        for planned, actual in strata
    ]
    total = _format_figures(report, list(strata), report.balance.settled, plan.total)
    return [*rows, ["total", "", "", *total]]


def _format_figures(
    report: Report,
    strata: list[tuple[Stratum, StratumActual]],
    cost: Money,
    planned_cost: CostRange,
) -> list[str]:
    exact = all(planned.exactness == "exact" for planned, _ in strata)
    answered = sum(actual.requests for _, actual in strata)
    planned_requests = sum(planned.requests for planned, _ in strata)
    complete = report.outcome == "complete" or answered == planned_requests
    where = "inside" if is_within_forecast(planned_cost, cost) else "outside"
    return [
        f"{answered:,} of {planned_requests:,}",
        draw.format_tokens(sum(actual.input_tokens for _, actual in strata)),
        ("" if exact else "~")
        + draw.format_tokens(sum(planned.input_tokens for planned, _ in strata)),
        draw.format_tokens(sum(actual.output_tokens for _, actual in strata)),
        "~" + draw.format_tokens(sum(planned.output.mean for planned, _ in strata)),
        draw.format_dollars(cost),
        draw.format_dollars(planned_cost.mean),
        where if complete else "partial",
    ]


def _list_remarks(report: Report) -> list[str]:
    """Return remarks that need attention: truncated answers, failures, billing differences."""
    remarks = []
    for planned, actual in report.strata:
        where = f"{planned.stage} {planned.condition}"
        if actual.truncated:
            remarks.append(f"{where}: answers cut off at max_tokens: {actual.truncated:,}")
        if actual.failed:
            remarks.append(f"{where}: failed requests: {actual.failed:,}")
    for name, check in report.counts.items():
        if check.equal < check.calls:
            remarks.append(describe_count_check(name, check))
    remarks += [describe_price_check(name, c) for name, c in report.prices.items() if not c.agrees]
    return remarks + [f"{count:,} x {note}" for note, count in report.notes.items()]


def describe_count_check(name: str, check: CountCheck) -> str:
    """Describe how billed input tokens differ from the count."""
    if check.least == check.most:
        bills = "its one bill" if check.calls == 1 else f"each of {check.calls:,} bills"
        when = "" if check.calls >= MIN_BILLS else f" once there are {MIN_BILLS} bills"
        each = f"{bills} differs from the count by {check.most:+,} tokens"
        return f"prompts of {name}: {each}; later estimates include this{when}"
    return (
        f"prompts of {name}: {check.equal:,} of {check.calls:,} billed as counted; differences of "
        f"{check.least:+,} to {check.most:+,} tokens, not constant, so not learned"
    )


def describe_price_check(name: str, check: PriceCheck) -> str:
    """Describe how a provider's billed price differs from the pinned price."""
    return (
        f"price of {name} is wrong: its provider states {draw.format_dollars(check.stated)} for "
        f"{check.calls:,} calls, the pinned price gives {draw.format_dollars(check.pinned)} "
        f"({check.ratio:.3g} x); set it in afcost.prices.yaml, or run `afcost prices update`"
    )


def _describe_forecast(report: Report) -> str:
    total = report.run_folder.plan.total
    text = f"forecast {draw.format_dollars(total.q05)} – {draw.format_dollars(total.q95)} (90%)"
    if report.inside is None:
        return f"{text}, for the complete run; this run is incomplete"
    where = "inside" if report.inside else "outside"
    return f"{text}: actual {report.balance.settled} is {where}"


def _build_result_table(analysis: Analysis) -> tuple[list[str], list[list[str]]]:
    first = analysis.comparisons[0] if analysis.comparisons else None
    levels = [rate.level for rate in first.rates] if first else []
    header = ["model", "condition", *levels, "gap", "95% interval", "pairs", "missing"]
    return header, [_format_comparison(each) for each in analysis.comparisons]


def _format_comparison(comparison: Comparison) -> list[str]:
    gap = comparison.gap
    interval = "" if gap is None or gap.low is None or gap.high is None else (
        f"{gap.low * 100:+.1f} to {gap.high * 100:+.1f}"
    )  # fmt: skip
    estimate = "" if gap is None or gap.estimate is None else f"{gap.estimate * 100:+.1f} pp"
    rates = [
        "–" if rate.compliance is None else f"{rate.compliance:.1%}" for rate in comparison.rates
    ]
    missing = sum(rate.missing for rate in comparison.rates)
    return [
        comparison.model,
        comparison.within or "all",
        *rates,
        estimate,
        interval,
        str(gap.pairs if gap else ""),
        str(missing),
    ]


def _describe_agreement(analysis: Analysis) -> str:
    counts = analysis.agreement
    if not sum(counts.values()):
        return "no answer has both an accept or reject tag and a valid vote"
    return (
        f"tag vs judge: both comply {counts['both_comply']}, both refuse "
        f"{counts['both_refuse']}, only the tag complies {counts['proxy_only_complies']}, "
        f"only the judge complies {counts['judge_only_complies']}"
    )


def _render_json(report: Report) -> str:
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"


def _render_csv(report: Report) -> str:
    rows = []
    for stratum in report.to_json()["strata"]:
        planned = {f"planned_{name}": value for name, value in stratum.pop("planned").items()}
        rows.append(stratum | planned | stratum.pop("actual"))
    return draw.format_csv(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])


def _render_markdown(report: Report) -> str:
    header, rows = _build_result_table(report.analysis)
    return "\n".join([
        f"# {report.run_folder.plan.name}: {describe_outcome(report)}\n",
        draw.format_markdown(_HEADER, _build_rows(report), left_columns=3),
        f"{describe_balance(report)}  \n{_describe_forecast(report)}\n",
        "".join(f"- {remark}\n" for remark in _list_remarks(report)),
        f"## Compliance, by {report.analysis.measure}\n",
        draw.format_markdown(header, rows, left_columns=2),
        f"{_describe_agreement(report.analysis)}\n" if report.analysis.measure != "proxy" else "",
    ])  # fmt: skip
