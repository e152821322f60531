"""What `afcost guard` says after a program, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import Advice, name_command, print_advice
from afcost.rendering.running.guard_reasons import show_connections, show_refused
from afcost.rendering.running.planned_calls_view import show_planned_calls
from estimator.recorded import UNNAMED_STAGE
from runner.gateway import (
    TOOLS,
    ApprovedProgram,
    CallTally,
    GuardedRun,
    GuardFolder,
    GuardReport,
    PartCap,
    find_tool,
)

_STATES = {  # as the ledger has them, which is in the words of an experiment's run
    "complete": "ended",
    "cap": "ended; the cap did not pay for all of its calls",
    "": "interrupted",
}


def show_end(  # noqa: PLR0913 - what its end is told of
    console: Console,
    ended: GuardedRun,
    folder: GuardFolder,
    caps: Sequence[PartCap],
    plan: ApprovedProgram | None = None,
    *,
    tools: Mapping[str, str] = TOOLS,
) -> None:
    """Say what a program's calls came to, and what to do next.

    Args:
        console: to say it on.
        ended: what it came to.
        folder: of its ledger.
        caps: on parts of its calls.
        plan: that it was started with; None for none.
        tools: what each makes of a refusal; empty where what follows says it.
    """
    tally, end = ended.tally, ended.end
    if end.problem:
        draw.print_text(console, f"afcost: {end.problem}", "red")
        return
    _show_sums(console, ended)
    for each in end.left_running:
        said = f"afcost: {each.command} ({each.pid}) runs on; its calls go nowhere"
        draw.print_text(console, said, "yellow")
    show_refused(console, tally)
    if tally.stopped:
        _show_stopped(console, tally)
    for model in sorted(tally.unbounded):
        said = f"afcost: max_tokens does not limit the reasoning of {model}: a call may cost more"
        draw.print_text(
            console, f"{said} than was reserved; the first that does stops all", "yellow"
        )
    if tally.at_cap:
        _show_refused_at_cap(console, ended, folder, plan, tools)
    if tally.sent:
        _show_unused_caps(console, tally, caps)
    if not tally.sent and not tally.refused and not tally.at_cap:
        _show_no_call(console, end.code, is_intercepted=ended.connections is not None)
    show_connections(console, ended.connections)
    if ended.balance.held.pico:
        _show_held(console, folder)
    print_advice(console, [Advice("What came of it", (name_command("report", folder.path),))])


def _show_sums(console: Console, ended: GuardedRun) -> None:
    tally, balance = ended.tally, ended.balance
    sent = ", ".join(f"{name} {count:,}" for name, count in tally.sent.most_common())
    calls = draw.format_count(sum(tally.sent.values()), "call", "calls")
    by_provider = f" ({sent})" if sent else ""
    held = f", {balance.held} held" if balance.held.pico else ""
    spent = f"{balance.settled} of {balance.cap} spent{held}"
    draw.print_text(console, f"afcost: {calls}{by_provider}; {spent}", "bold")


def _show_stopped(console: Console, tally: CallTally) -> None:
    """Say why nothing more was sent, and how many calls were refused for it."""
    draw.print_text(console, f"afcost: stopped: {tally.stopped}", "red")
    if count := tally.refused[tally.stopped]:
        refused = draw.format_count(count, "later call was", "later calls were")
        draw.print_text(console, f"afcost: {refused} not sent", "yellow")


def _show_cap_reached(console: Console, count: int, mend: str) -> None:
    """Say that a cap refused calls, in words that keep a reader from using the scores."""
    refused = draw.format_count(count, "call was", "calls were")
    draw.print_text(
        console,
        f"afcost: the cap was reached, {refused} not sent. What the program makes of that is "
        f"no result: what was not sent is missing. To go on, {mend}",
        "yellow",
    )


def _show_unused_caps(console: Console, tally: CallTally, caps: Sequence[PartCap]) -> None:
    """Name caps that no call was under, as where a name is misspelled."""
    for cap in caps:
        if cap.name and not cap.spent and not tally.at_cap[cap.option]:
            said = f"afcost: {cap.option}: no call was of this model, or had this label"
            draw.print_text(console, said, "yellow")


def _show_refused_at_cap(
    console: Console,
    ended: GuardedRun,
    folder: GuardFolder,
    plan: ApprovedProgram | None,
    tools: Mapping[str, str],
) -> None:
    """Show which calls a cap refused, and what the tool that made them makes of that."""
    for option, count in ended.tally.at_cap.items():
        again = f"run it again with a higher {option}"
        mend = plan.raise_cap if plan and option == "--cap" else again
        _show_cap_reached(console, count, mend)
    named = find_tool(folder.command)
    for tool in sorted((ended.tally.tools | {named}) & tools.keys()):
        draw.print_text(console, f"afcost: {tools[tool]}", "yellow")
    refusals = ended.refusals
    draw.print_text(console, f"afcost: by their last message, all in {refusals.path}:", "yellow")
    for call, times in zip(refusals.first, refusals.times, strict=True):
        label = f" {call.label}" if call.label != UNNAMED_STAGE else ""
        ends = f" ... {call.ends}" if call.ends else ""
        often = f" ({times:,} times)" if times > 1 else ""
        draw.print_text(console, f"  {call.model}{label}: {call.begins}{ends}{often}", "yellow")
    more = sum(ended.tally.at_cap.values()) - sum(refusals.times)
    if more > 0:
        draw.print_text(console, f"  and {more:,} more", "yellow")


def _show_no_call(console: Console, code: int, *, is_intercepted: bool) -> None:
    """Say that no call came, and why, where the program did not simply fail before its first."""
    if code:
        said = f"afcost: the program ended with exit code {code} before its first call"
    elif is_intercepted:
        said = (
            "afcost: no call came through here. What goes past --intercept stands in "
            "docs/addresses.md: afcost guard --print-env shows what the program should use"
        )
    else:
        said = (
            "afcost: no call came through here. A program that sets its address by itself goes "
            "past the cap: give --intercept; afcost guard --print-env shows what it should use"
        )
    draw.print_text(console, said, "yellow")


def _show_held(console: Console, folder: GuardFolder) -> None:
    """Say what held amounts are, and how they are settled."""
    reconcile = f"{name_command('ledger', folder.path)} reconcile --billed USD --reason TEXT"
    said = "Held counts as spent: it may have been billed. Once you know"
    print_advice(console, [Advice(said, (reconcile,))])


def show_guard_report(console: Console, report: GuardReport) -> None:
    """Print a program's report."""
    balance, how = report.balance, report.end.how
    state = "running" if report.is_running else _STATES.get(how, how)
    program = " ".join(report.folder.command) or "programs that were started elsewhere"
    draw.print_text(console, f"{program}: {state}", "bold")
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
    if report.plan:
        show_planned_calls(console, report.plan, report.planned)
    elif rows:
        draw.print_table(console, header, rows, left_columns=2)
    held = f", {balance.held} held for {report.held:,}" if report.held else ""
    draw.print_text(console, f"{balance.settled} of {balance.cap} spent{held}")
    if report.held:
        _show_held(console, report.folder)
