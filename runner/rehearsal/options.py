"""How a program is rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pricing.price_book import PriceBook
from providers.provider import Provider
from runner.rehearsal.replies import Replies

SHORT, LONG = 40, 240  # tokens: far enough apart to see which prompts grow with an answer


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """How a program is rehearsed.

    Attributes:
        providers: that it may call, by name.
        book: the prices; a model without one is refused, as it would be under the cap.
        lengths: tokens of the placeholders, in the first run and in the second.
        once: there is no second run, so that how prompts grow with answers is not known.
        seconds: that each run may take.
        seconds_option: that gives it longer.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        replies: the user's own answers; None for placeholders alone.
        most_bytes: that are kept of its prompts, over both runs; calls beyond are answered, and are
            not counted.
        shows_output: what the program writes in its first run is shown, all of it on standard
            error, since it is made of placeholders. That of the second run is not.
        note: is told what the user must know, before the start and of what failed.
    """

    providers: Mapping[str, Provider]
    book: PriceBook
    lengths: tuple[int, int] = (SHORT, LONG)
    once: bool = False
    seconds: float = 600.0
    seconds_option: str = "--timeout"
    default_limit: int | None = None
    replies: Replies | None = None
    most_bytes: int = 512 << 20
    shows_output: bool = True
    note: Callable[[str], None] = lambda _: None
