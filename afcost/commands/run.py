"""`afcost run`: execute an approved plan, show where the money goes, say how it ended."""

from __future__ import annotations

import shlex
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost import errors
from afcost.rendering import console as draw

if TYPE_CHECKING:
    from rich.live import Live

    from runner.execution.scheduler import Progress
    from runner.launch.run_plan import DryRun
    from runner.ledger.ledger import Ledger
    from runner.run_folder import Run

_PLAIN_EVERY = 30.0  # seconds between lines off a terminal


@click.command("run")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--concurrency", type=click.IntRange(1, 1000), default=10, show_default=True,
              help="Requests in flight, at most.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600,
              show_default=True, help="Seconds that one request may take.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check everything and show what comes first.")
@click.option("--ledger", metavar="URL",
              help="A ledger that many processes share: postgresql://USER@HOST/DB.")  # fmt: skip
@click.option("--run-dir", type=click.Path(path_type=Path), help="The run's folder.")
def command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    concurrency: int,
    timeout: float,
    dry_run: bool,
    ledger: str | None,
    run_dir: Path | None,
) -> int:
    """Run PLAN within its approved cap. Running it again continues it.

    Every attempt is reserved at its worst case before it is sent, and settled from what the
    provider billed. Ctrl-C finishes what is in flight.
    """
    from runner.launch import run_plan as running  # noqa: PLC0415 - heavy, and only needed here

    if dry_run:
        _show(running.dry_run(plan, datetime.now().astimezone(), run_dir, ledger))
        return errors.DONE
    view = _View()
    try:
        run, progress = running.execute(
            plan,
            datetime.now().astimezone(),
            folder=run_dir,
            concurrency=concurrency,
            timeout=timeout,
            ledger=ledger,
            started=view.start,
            changed=view.show,
        )
    finally:
        view.close()
    return _finish(run, progress, plan, run_dir)


def _show(found: DryRun) -> None:
    """Say what was checked, and what a run would begin with."""
    console, checked = draw.out(), found.checked
    plan, approval = checked.plan, checked.approval
    draw.say(console, f"{plan.name}: nothing is in the way, and nothing was sent", "bold")
    draw.say(console, "  the plan's files, prices, windows and approval are as they must be")
    for each in found.reached:
        draw.say(console, f"  {each.said}", "yellow" if each.lacks else "")
    ceiling = checked.fresh.ceiling
    left = plan.requests_in_all - found.answered
    draw.say(
        console,
        f"  {left:,} of {plan.requests_in_all:,} requests are left; all at their dearest come to "
        f"{ceiling}, the cap is {approval.cap}",
    )
    draw.say(console, f"  run folder {checked.folder}")
    if found.jobs:
        header = ["first", "model", "condition", "query", "sample", "at most, with judges"]
        rows = [
            [str(at), str(plan.models[request.model].name), request.condition,
             str(request.query), str(request.sample), str(amount)]
            for at, (request, amount) in enumerate(found.jobs, start=1)
        ]  # fmt: skip
        draw.table(console, header, rows, left=3)


class _View:
    """The live line: redrawn on a terminal, a plain line every 30 s elsewhere."""

    def __init__(self) -> None:
        self._console = draw.notes()
        self._live: Live | None = None
        self._began = self._said = time.monotonic()

    def start(self, run: Run, ledger: Ledger) -> None:
        """Begin to show a run."""
        from rich.live import Live  # noqa: PLC0415 - only for a run

        self._run, self._ledger = run, ledger
        self._before = ledger.count_answered()
        draw.say(
            self._console, f"Run folder {run.folder}; watch it:  afcost status {run.folder}", "dim"
        )
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        from rich.text import Text  # noqa: PLC0415

        now = time.monotonic()
        if self._live is not None:
            if now - self._said >= 0.1 or progress.end:  # noqa: PLR2004 - seconds between frames
                self._live.update(Text("\n".join(self._lines(progress, now))), refresh=True)
                self._said = now
        elif now - self._said >= _PLAIN_EVERY:
            draw.say(self._console, "; ".join(self._lines(progress, now)))
            self._said = now

    def close(self) -> None:
        """End the live line."""
        if self._live is not None:
            self._live.stop()

    def _lines(self, progress: Progress, now: float) -> list[str]:
        """Give the work, and the money, each in less than 80 columns."""
        balance, plan = self._ledger.balance, self._run.plan
        done, planned = self._before + progress.answered, plan.requests_in_all
        rate = progress.answered / max(now - self._began, 1e-9)
        work = f"{done:,} of {planned:,} answered"
        if self._ledger.shared:
            work = f"{progress.answered:,} of {planned:,} answered by this process"
        if progress.failed:
            work += f", {len(progress.failed):,} failed"
        if progress.end is not None:
            work += "; finishing what is in flight (Ctrl-C gives it up and holds its money)"
        elif rate > 0 and done < planned and not self._ledger.shared:
            work += f", about {_duration((planned - done) / rate)} to go"
        held = f", held {balance.held}" if balance.held else ""
        money = (
            f"spent {balance.settled} of likely {draw.dollars(plan.total.mean)}, "
            f"reserved {balance.reserved + balance.aside}{held}, "
            f"left {balance.free} of {balance.cap}"
        )
        return [work, money]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if minutes > 1 else f"{minutes * 60 + rest} s"


def _finish(run: Run, progress: Progress, plan: Path, run_dir: Path | None) -> int:
    from afcost.commands.report import count_remark  # noqa: PLC0415
    from afcost.commands.status import money  # noqa: PLC0415
    from runner.execution.scheduler import End  # noqa: PLC0415
    from runner.results.report import report  # noqa: PLC0415

    found, console = report(run), draw.notes()
    again = f"afcost run {shlex.quote(str(plan))}"
    again += f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
    for failure in progress.failed[:5]:
        draw.say(console, f"failed: {failure}", "yellow")
    if len(progress.failed) > 5:  # noqa: PLR2004 - as many as are shown
        draw.say(console, f"failed: {len(progress.failed) - 5} more", "yellow")
    headline, advice, code = {
        End.COMPLETE: ("Complete", f"See:  afcost report {run.folder}", errors.DONE),
        End.CAP: (
            "PARTIAL: stopped at the cap",
            f"To go on, approve a higher cap:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.AT_THE_CAP,
        ),
        End.INTERRUPTED: ("PARTIAL: interrupted", f"To continue:  {again}", errors.INTERRUPTED),
        End.EXPIRED: (
            "PARTIAL: the approval has ended",
            f"To go on, approve it anew:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.REFUSED,
        ),
        End.STOPPED: ("STOPPED", f"Once it is mended, continue:  {again}", errors.ERROR),
        End.FAILED: ("PARTIAL: some requests failed", f"To try them again:  {again}", errors.ERROR),
    }[progress.end or End.STOPPED]
    draw.say(console, f"{headline}. {progress.reason}".rstrip(), "bold")
    if code != errors.DONE:
        for planned, actual in found.strata:
            if planned.stage == "subject":
                name = f"{found.run.plan.models[planned.model].name} {planned.condition}"
                draw.say(console, f"  {name}: {actual.requests:,} of {planned.requests:,} answered")
    for name, check in found.counts.items():
        if check.equal < check.calls:
            draw.say(console, count_remark(name, check), "yellow")
    draw.say(console, money(found))
    draw.say(console, advice)
    return code
