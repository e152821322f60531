"""`afcost view`: watch a run, or all runs, in a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.text import Text

from afcost.rendering import console as draw
from runner.run_folder import open_run_folder

_RUNS = Path("runs")
_HIGHEST_PORT = 65535


@click.command("view")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=click.IntRange(0, _HIGHEST_PORT), default=0,
              help="Port to listen on; default: a free one.")  # fmt: skip
def view_command(*, run: Path | None, port: int) -> None:
    """Show RUN, a run folder, in a browser as it happens; without RUN, all runs under runs/.

    The page is served on this machine only, at an address with a secret that is printed. With it a
    run can also be paused, resumed and stopped. Ctrl-C ends the page, never the run.
    """
    from afcost.page.live.server import serve  # noqa: PLC0415 - the server is slow to load
    from runner.watching import RunList  # noqa: PLC0415 - the same

    if run is not None:
        open_run_folder(run)  # what is wrong with it is said here
    folder = _RUNS if run is None else run.absolute().parent
    runs = RunList(folder.absolute(), (run,) if run else ())

    def tell(address: str) -> None:
        draw.stdout().print(Text(f"Watch it at  {address}"), soft_wrap=True)
        draw.print_text(draw.stderr(), "Ctrl-C ends the page; a run goes on without it.", "dim")

    asyncio.run(serve(runs, run.absolute() if run else None, port, tell))
