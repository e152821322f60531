"""`afcost calibration`: how often the 90 % ranges of finished runs held."""

from __future__ import annotations

from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.coverage_view import coverage_json, print_coverage
from runner.coverage import (
    find_finished_runs,
    keep_run,
    read_finished_run,
    read_kept_runs,
    sum_up_runs,
)
from runner.run_folder import open_run_folder


@click.command("calibration")
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def calibration_command(*, runs: tuple[Path, ...], format: str) -> None:  # noqa: A002 - the option's name
    """Show how often the 90% range of a forecast held, over all finished runs, by its basis.

    Runs that finished on this machine are known, also after their folders were deleted. A RUN, a
    run folder from elsewhere, is counted too, and from then on.
    """
    kept = {run.key: run for run in read_kept_runs()}
    for folder in runs:
        found = read_finished_run(open_run_folder(folder))
        if found is None:
            raise click.UsageError(
                f"{folder} is not complete, ended at a look of its sequential test, or its plan "
                "has no range: it says nothing of how often ranges hold; leave it out or, where "
                "something is left to ask, finish it with `afcost run`"
            )
        if found.key not in kept:
            keep_run(found)
            kept[found.key] = found
    for each in find_finished_runs(kept.values()):
        keep_run(each)
        kept[each.key] = each
    summary = sum_up_runs(list(kept.values()))
    if format == "json":
        click.echo(draw.show_json(coverage_json(summary, list(kept.values()))))
        return
    print_coverage(draw.stdout(), summary, list(kept.values()))
