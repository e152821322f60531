"""`afcost trust`: remember folders of one's own from which experiments may read."""

from __future__ import annotations

from pathlib import Path

import click

from afcost.rendering import console as draw
from estimator.trusted_folders import distrust_folder, list_trusted_folders, trust_folder


@click.command("trust")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--remove", is_flag=True, help="Stop trusting FOLDER.")
def trust_command(*, folder: Path | None, remove: bool) -> None:
    """Let experiments read files in FOLDER; without it, list the trusted folders.

    The texts and tokenizers that an experiment file names must be in its own folder, because what
    it reads may be sent to a provider. Trust only folders that hold nothing secret, such as shared
    queries or a hub's cache.
    """
    console = draw.stdout()
    if folder is None:
        if remove:
            raise click.UsageError("--remove: name the folder")
        folders = list_trusted_folders()
        draw.print_text(console, "\n".join(folders) or "No folder is trusted.")
    elif remove:
        draw.print_text(console, f"No longer trusted: {distrust_folder(folder)}")
    else:
        draw.print_text(
            console, f"Trusted: {trust_folder(folder)}. Experiments may read all files in it."
        )
