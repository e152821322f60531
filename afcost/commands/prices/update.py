"""`afcost prices update`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from afcost.commands.prices.diff import show_changes, spoken
from afcost.options import today
from afcost.rendering import console as draw
from estimator.user_dirs import price_folder
from pricing.errors import CannotUpdate
from pricing.price_book import PriceBook
from pricing.refresh.update import Feed, feeds, update
from pricing.sources.fetched_lists import NAMES


@click.command("update")
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="NAME=PLACE",
    help="Read a list from this URL or file; may be repeated.",
)
def command(*, names: tuple[str, ...], places: tuple[str, ...]) -> None:
    """Fetch the price lists NAMES; default: those given with --from, or all three.

    No other command fetches prices. A list that cannot be fetched or read, or is implausible, is
    rejected: the previous one stays in use, and the command exits with 1.
    """
    known = PriceBook(today()).known
    moved = dict(_place(each) for each in places)
    wanted = names or tuple(moved)
    if strangers := [name for name in moved if name not in wanted]:
        raise click.UsageError(f"--from {strangers[0]}=…: this list is not one of those to fetch")
    problems, console = [], draw.out()
    for feed in feeds():
        if wanted and feed.name not in wanted:
            continue
        try:
            taken = update(_moved(feed, moved), price_folder(), today(), known)
        except CannotUpdate as problem:
            problems.append(str(problem))
            continue
        draw.say(console, f"{taken.name}: {taken.models:,} models, {spoken(taken.changed)}", "bold")
        show_changes(taken.changed)
    if problems:
        raise CannotUpdate("\n".join(problems))


def _place(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or name not in NAMES or not place:
        raise click.UsageError(
            f"--from {text}: expected NAME=PLACE; NAME is one of {', '.join(NAMES)}"
        )
    return name, place


def _moved(feed: Feed, places: dict[str, str]) -> Feed:
    place = places.get(feed.name, feed.url)
    if "://" not in place:
        place = str(Path(place).resolve())
    return replace(feed, url=place)
