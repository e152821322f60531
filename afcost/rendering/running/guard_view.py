"""What `afcost guard` says before and after a program, and its report."""

from __future__ import annotations

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import name_command
from pricing.money import Money
from runner.gateway import GuardedRun, GuardFolder, GuardReport

_MOST_REASONS = 5


def show_start(console: Console, cap: Money, folder: GuardFolder) -> None:
    """Say under which cap a program starts."""
    draw.print_text(console, f"afcost: cap {cap}, ledger in {folder.path}", "dim")


def show_end(console: Console, ended: GuardedRun, folder: GuardFolder) -> None:
    """Say what a program's calls came to, and what to do next."""
    tally, balance = ended.tally, ended.balance
    sent = ", ".join(f"{name} {count:,}" for name, count in tally.sent.most_common())
    calls = draw.format_count(sum(tally.sent.values()), "call", "calls")
    held = f", {balance.held} held" if balance.held.pico else ""
    draw.print_text(
        console,
        f"afcost: {calls}{f' ({sent})' if sent else ''}; {balance.settled} of {balance.cap} spent"
        f"{held}",
        "bold",
    )
    if ended.end.problem:
        draw.print_text(console, f"afcost: {ended.end.problem}", "red")
    for each in ended.end.left_running:
        draw.print_text(
            console, f"afcost: {each.command} ({each.pid}) runs on; its calls go nowhere", "yellow"
        )
    for reason, count in tally.refused.most_common(_MOST_REASONS):
        times = f" ({count:,} times)" if count > 1 else ""
        draw.print_text(console, f"afcost: refused{times}: {reason}", "yellow")
    if tally.stopped:
        draw.print_text(console, f"afcost: stopped: {tally.stopped}", "red")
    if tally.at_cap:
        refused = draw.format_count(tally.at_cap, "call was", "calls were")
        draw.print_text(
            console,
            f"afcost: the cap was reached, {refused} not sent. What the program makes of that is "
            "no result: what was not sent is missing. Run it again with a higher --cap to go on",
            "yellow",
        )
    if not tally.sent and not tally.refused and not tally.at_cap:
        draw.print_text(
            console,
            "afcost: no call came through here. A program that sets its address by itself goes "
            "past the cap: afcost guard --print-env shows what it should use",
            "yellow",
        )
    draw.print_text(console, f"What came of it:  {name_command('report', folder.path)}", "dim")


def show_guard_report(console: Console, report: GuardReport) -> None:
    """Print a program's report."""
    balance = report.balance
    state = "running" if report.is_running else report.end.how or "interrupted"
    draw.print_text(console, f"{' '.join(report.folder.command)}: {state}", "bold")
    if report.end.reason:
        draw.print_text(console, report.end.reason, "yellow")
    header = ["stage", "model", "calls", "input", "output", "reasoning", "cost"]
    rows = [
        [
            each.stage,
            each.model,
            f"{each.calls:,}",
            draw.format_tokens(each.input_tokens),
            draw.format_tokens(each.output_tokens),
            draw.format_tokens(each.reasoning_tokens),
            draw.format_dollars(each.cost),
        ]
        for each in report.sums
    ]
    if rows:
        draw.print_table(console, header, rows, left_columns=2)
    held = f", {balance.held} held for {report.held:,}" if report.held else ""
    draw.print_text(console, f"{balance.settled} of {balance.cap} spent{held}")
