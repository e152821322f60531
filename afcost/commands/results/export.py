"""`afcost export`: all answers and verdicts of a run in a file for other programs."""

from __future__ import annotations

import re
from pathlib import Path

import click

from afcost.rendering import console as draw
from runner.results.reading import EXPORT_ENDINGS, export_run
from runner.run_folder import open_run_folder

# inspect_ai/log/_file.py, log_file_pattern, of version 0.3.285
_LISTED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}[:-]\d{2}[:-]\d{2}")


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help=f"The file; its ending says in what form: {', '.join(EXPORT_ENDINGS)}.",
)
@click.option(
    "--raw",
    is_flag=True,
    help="For programs: leave CSV cells that look like formulas as they are.",
)
def export_command(*, run: Path, output: Path, raw: bool) -> None:
    """Write every answer of RUN, a run folder, and every verdict on it to a file.

    .csv, .jsonl and .parquet are one long table; .eval and .json are a log of Inspect, which
    `inspect view` shows.
    """
    count = export_run(open_run_folder(run), output, raw=raw)
    draw.print_text(draw.stderr(), f"Wrote {count:,} answers with their verdicts to {output}.")
    if output.suffix == ".json" and not _LISTED.match(output.name):
        draw.print_text(
            draw.stderr(),
            "inspect view lists a .json log only where its name begins with a time, such as "
            f"2026-11-27T05-00-00_{output.name}; a .eval log may have any name.",
        )
