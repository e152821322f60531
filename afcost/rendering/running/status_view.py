"""The status of a run, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import (
    Advice,
    name_command,
    print_advice,
    shorten_path,
)
from afcost.rendering.durations import format_moment
from afcost.rendering.next_step import build_commands_of_report, list_next_steps, list_reasons
from afcost.rendering.run_summary import describe_balance, describe_outcome, describe_turns
from afcost.rendering.running.batch_rows import (
    batch_to_json,
    leave_out_batches,
    show_batches,
)
from afcost.rendering.running.live_line import describe_live, describe_looks, describe_time_left
from afcost.rendering.running.worker_table import show_workers
from pricing.money import Money
from runner.control import ListedWorker, Wishes
from runner.execution import StopReason
from runner.launch import LiveNote, WaitingApproval
from runner.results import RunState
from runner.timing import AwayBatch

STATUS_SCHEMA = "afcost.status/1"


def show_status(  # noqa: PLR0913 - all that is known of a run
    console: Console,
    found: RunState,
    live: LiveNote,
    wishes: Wishes,
    waiting: WaitingApproval | None = None,
    workers: Sequence[ListedWorker] = (),
    batches: Sequence[AwayBatch] = (),
    caching: Sequence[dict[str, Any]] = (),
) -> None:
    """Print the status of a run.

    Args:
        console: to print on.
        found: its requests, its money, and how it ended.
        live: the forecast of its end, and what was warned of.
        wishes: what is asked of it.
        waiting: an approval that counts from the next run on; None where none does.
        workers: of its ledger, where it is shared.
        batches: that are away.
        caching: what it saved, by model, as `list_savings` has it.
    """
    headline = f"{found.run_folder.plan.name}: {describe_outcome(found)}"
    is_paused = wishes.is_paused and found.outcome != "complete"
    if is_paused:
        headline += f", paused since {format_moment(wishes.paused_at)}"
    draw.print_text(console, headline, "bold")
    for line in leave_out_batches(list_reasons(found.reason), batches):
        draw.print_text(console, line)
    _print_strata(console, found)
    for line in (*describe_turns(found), describe_balance(found), *_describe_waiting(waiting)):
        draw.print_text(console, line)
    goes_on = found.outcome != "complete" and found.end != StopReason.SHOWN
    if live.view is not None and goes_on:
        # How probable it is that the cap is too low was worked out for the one before.
        view = replace(live.view, over_cap=None) if waiting else live.view
        draw.print_text(console, describe_live(view, found.balance).capitalize())
        if found.outcome == "running" and not is_paused and live.view.left > 0:
            draw.print_text(console, describe_time_left(live.view).capitalize())
        for line in describe_looks(live.view):
            draw.print_text(console, line)
    for warning in live.warnings:
        if warning.text:
            draw.print_text(
                console, f"Warned {format_moment(warning.at)}: {warning.text}", "yellow"
            )
    show_workers(console, workers)
    show_batches(console, batches)
    draw.print_text(console, "\n".join(map(describe_saving, caching))) if caching else None
    if is_paused:
        print_advice(
            console, [Advice("To go on", (name_command("resume", found.run_folder.path),))]
        )
    print_advice(console, _list_steps(found, waiting))


def describe_saving(each: dict[str, Any]) -> str:
    """Return what caching saved so far of a model's prompts."""
    saved = draw.format_dollars(Money.from_usd(each["saved_usd"]))
    read, written = (draw.format_tokens(each[f"{name}_tokens"]) for name in ("read", "written"))
    return f"cached prompts of {each['model']}: {read} read, {written} written; saved about {saved}"


def _describe_waiting(waiting: WaitingApproval | None) -> list[str]:
    if waiting is None:
        return []
    plan = shorten_path(waiting.plan_file)
    return [f"approved for the next run: a cap of {waiting.approval.cap}, with {plan}"]


def _list_steps(found: RunState, waiting: WaitingApproval | None) -> list[Advice]:
    if waiting is None or found.outcome == "running":
        return list_next_steps(found)
    commands = build_commands_of_report(found, waiting.plan_file)
    return [Advice("To go on, within that cap", (commands.resume,))]


def _print_strata(console: Console, found: RunState) -> None:
    sent = [planned for planned, actual in found.strata if actual.in_flight]
    unknown = found.has_crashed and not all(map(found.has_away, sent))
    open_ = ["unknown" if unknown else "in flight"] * bool(sent)
    rows = [
        [planned.stage, str(found.run_folder.plan.models[planned.model].name), planned.condition,
         f"{actual.requests:,} of {planned.requests:,}",
         *(f"{actual.in_flight:,}" for _ in open_), f"{actual.failed:,}",
         draw.format_dollars(actual.cost), draw.format_dollars(planned.cost.mean)]
        for planned, actual in found.strata
    ]  # fmt: skip
    header = ["stage", "model", "condition", "answered", *open_, "failed", "spent", "planned"]
    draw.print_table(console, header, rows, left_columns=3)


def status_to_json(  # noqa: PLR0913 - all that is known of a run
    found: RunState,
    live: LiveNote,
    wishes: Wishes,
    waiting: WaitingApproval | None = None,
    digest: str = "",
    workers: Sequence[ListedWorker] = (),
    batches: Sequence[AwayBatch] = (),
    caching: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the status of a run as stable JSON; money as decimal strings of US dollars.

    Args:
        found: its requests, its money, and how it ended.
        live: the forecast of its end, and what was warned of.
        wishes: what is asked of it.
        waiting: an approval that the next execution will take.
        digest: of its plan, where that is known: finding it takes longer than all the rest.
        workers: of its ledger, where it is shared.
        batches: that are away.
        caching: what it saved, by model, as `list_savings` has it.
    """
    plan, balance = found.run_folder.plan, found.balance
    return {
        "schema": STATUS_SCHEMA,
        "plan": {"name": plan.name, "digest": digest or plan.digest},
        "outcome": found.outcome,
        "end": found.end,
        "reason": found.reason,
        "paused_at": wishes.paused_at or None,
        "cap_usd": balance.cap.to_decimal_string(),
        "next_cap_usd": waiting and waiting.approval.cap.to_decimal_string(),
        "spent_usd": balance.settled.to_decimal_string(),
        "held_usd": balance.held.to_decimal_string(),
        "reserved_usd": (balance.reserved + balance.aside).to_decimal_string(),
        "remaining_usd": balance.free.to_decimal_string(),
        "strata": [
            {
                "stage": planned.stage,
                "model": str(plan.models[planned.model].name),
                "condition": planned.condition,
                "requests": planned.requests,
                "answered": actual.requests,
                "in_flight": actual.in_flight,
                "failed": actual.failed,
                "spent_usd": actual.cost.to_decimal_string(),
                "planned_usd": planned.cost.to_json()["mean"],
            }
            for planned, actual in found.strata
        ],
        "forecast": live.view.to_json() if live.view is not None else None,
        "batches": [batch_to_json(each) for each in batches],
        "caching": list(caching),
        "workers": [each.to_json() for each in workers],
        "warnings": [{"at": each.at, "text": each.text} for each in live.warnings if each.text],
    }
