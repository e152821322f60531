"""`afcost prices update`: fetch price lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from afcost.options import today
from afcost.rendering import console as draw
from afcost.rendering.prices.changes import describe_changes, show_changes
from estimator.user_dirs import price_folder
from pricing.errors import CannotUpdate
from pricing.price_book import PriceBook
from pricing.refresh import PriceFeed, list_feeds, update_feed
from pricing.sources import LIST_NAMES


@click.command("update")
@click.argument("names", nargs=-1, type=click.Choice(LIST_NAMES))
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="NAME=PLACE",
    help="Read a list from this URL or file; may be repeated.",
)
def update_command(*, names: tuple[str, ...], places: tuple[str, ...]) -> None:
    """Fetch price lists; default: the lists that --from names, or else all three.

    No other command fetches prices. A list that cannot be fetched or read, or is implausible, is
    rejected: the previous list stays in use, and the command exits with code 1.
    """
    known = PriceBook(today()).known_tariff
    moved = dict(_parse_place(each) for each in places)
    wanted = names or tuple(moved)
    if unwanted := [name for name in moved if name not in wanted]:
        raise click.UsageError(f"--from {unwanted[0]}=…: this list is not among those to fetch")
    problems, console = [], draw.stdout()
    for feed in list_feeds():
        if wanted and feed.name not in wanted:
            continue
        try:
            taken = update_feed(_redirect_feed(feed, moved), price_folder(), today(), known)
        except CannotUpdate as problem:
            problems.append(str(problem))
            continue
        draw.print_text(
            console,
            f"{taken.name}: {taken.model_count:,} models, {describe_changes(taken.changes)}",
            "bold",
        )
        show_changes(taken.changes)
    if problems:
        raise CannotUpdate("\n".join(problems))


def _parse_place(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or name not in LIST_NAMES or not place:
        raise click.UsageError(
            f"--from {text}: expected NAME=PLACE; NAME is one of {', '.join(LIST_NAMES)}"
        )
    return name, place


def _redirect_feed(feed: PriceFeed, places: dict[str, str]) -> PriceFeed:
    place = places.get(feed.name, feed.url)
    if "://" not in place:
        place = str(Path(place).resolve())
    return replace(feed, url=place)
