"""Options that several commands take, and their types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from experiment.definition import FILE_NAME, MAX_NAME, VARIABLE_NAME
from pricing.money import Money

CONCURRENCY = 10  # requests in flight, unless the user says otherwise
_MAX_PICO = 4 * 10**18  # pico-dollars


class PositiveDollars(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """An amount of US dollars above zero, with or without a dollar sign."""

    name = "usd"
    minimum = 1  # pico-dollars

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Money:
        """Parse an exact amount."""
        if isinstance(value, Money):
            return value
        try:
            amount = Money.from_usd(Decimal(str(value).strip().removeprefix("$")))
        except (InvalidOperation, ValueError):
            self.fail(f"{value!r} is not an amount of US dollars, such as 5 or 0.50", param, ctx)
        if amount.pico < self.minimum:
            self.fail(f"{value!r} must be {'above' if self.minimum else 'at least'} 0", param, ctx)
        if amount.pico >= _MAX_PICO:
            self.fail(f"{value!r} is too large", param, ctx)
        return amount


@dataclass(frozen=True, slots=True)
class AddedDollars:
    """An amount of US dollars to add to the cap that counts now."""

    amount: Money

    def add_to(self, cap: Money) -> Money:
        """Return the sum of it and a cap.

        Raises:
            click.UsageError: no ledger can count so much.
        """
        total = cap + self.amount
        if total.pico >= _MAX_PICO:
            raise click.UsageError(f"--cap +{self.amount}: with the cap of now, {cap}, too large")
        return total


class CapDollars(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """The cap of a whole study or, with a plus sign, what is added to the one that counts now."""

    name = "usd"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Money | AddedDollars:
        """Parse an exact amount."""
        if isinstance(value, AddedDollars):
            return value
        text, dollars = str(value).strip(), PositiveDollars()
        sign, amount = text[:1], text[1:].lstrip(" $")
        if sign in ("+", "$") and amount.startswith("+"):  # to add, or a whole cap?
            self.fail(f"{value!r} is neither a whole cap, such as 5, nor +5 to add 5", param, ctx)
        if sign == "+":
            return AddedDollars(dollars.convert(text[1:], param, ctx))
        return dollars.convert(value, param, ctx)


class NonNegativeDollars(PositiveDollars):
    """A non-negative amount of US dollars, with or without a dollar sign."""

    minimum = 0


class FiniteRange(click.FloatRange):
    """A range of numbers, in which NaN and infinity are not: no comparison would end with them."""

    name = "number"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Parse a finite number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class UpcomingDay(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A date, today or later."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Parse an ISO date."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date like 2026-12-01", param, ctx)
        if day < today():
            self.fail(f"{value!r} is in the past", param, ctx)
        return day


def today() -> date:
    """Return today's local date, for which prices are looked up."""
    return datetime.now().astimezone().date()


class ExpiryTime(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A date (until its end) or a date and time; local time unless a zone is given."""

    name = "date or time"
    forms = "a date like 2026-12-01 or a time like 2026-12-01T18:00"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse an ISO date, or date and time."""
        text = str(value)
        try:
            at = datetime.fromisoformat(text if len(text) > 10 else f"{text}T23:59:59")  # noqa: PLR2004
        except ValueError:
            self.fail(f"{text!r} is not {self.forms}", param, ctx)
        at = at.astimezone()
        if at <= datetime.now(UTC):
            self.fail(f"{text!r} is in the past", param, ctx)
        return at


class Deadline(ExpiryTime):
    """A time by which something is to be done: as of `ExpiryTime`, `18:00`, or `6h` from now."""

    name = "time"
    forms = "a time like 6h, 2d, 18:00, 2026-12-01 or 2026-12-01T18:00"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse it; an hour that is over today is tomorrow's."""
        text, now = str(value), datetime.now().astimezone()
        if found := re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) ?(m|min|h|d)", text):
            unit = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}[found[2]]
            return now + timedelta(**{unit: float(found[1])})
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            try:
                clock = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - of this day
            except ValueError:
                self.fail(f"{text!r} is not an hour like 18:00", param, ctx)
            at = datetime.combine(now.date(), clock).astimezone()
            return at if at > now else at + timedelta(days=1)
        return super().convert(value, param, ctx)


by_option = click.option(
    "--by",
    type=Deadline(),
    metavar="TIME",
    help="When it is to be done, such as 18:00, 6h or 2026-12-01: models are asked by calls, "
    "flex or batches, the cheapest that is done by then.",
)


class StudyName(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """The name of a study, which is part of a path."""

    name = "name"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Check a name."""
        if not FILE_NAME.fullmatch(str(value)) or len(str(value)) > MAX_NAME:
            self.fail(
                f"{value!r} is not a name of letters, digits, '.', '_' and '-', "
                f"{MAX_NAME} characters at most",
                param,
                ctx,
            )
        return str(value)


class TrustedKey(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A provider, and the variable whose key it may get."""

    name = "provider=variable"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Check the form."""
        provider, _, variable = str(value).rpartition("=")
        if not provider or not VARIABLE_NAME.fullmatch(variable):
            self.fail(f"{value!r} is not PROVIDER=VARIABLE, such as my-lab=MY_LAB_KEY", param, ctx)
        return str(value)


cap_option = click.option(
    "--cap", type=CapDollars(), required=True,
    help="The most that the whole study may be billed, in USD, what is spent included; "
    "+5 adds 5 to the cap that counts now.",
)  # fmt: skip
concurrency_option = click.option(
    "--concurrency", type=click.IntRange(1, 1000), metavar="N", default=CONCURRENCY,
    show_default=True, help="Maximum number of requests in flight.",
)  # fmt: skip


poll_option = click.option(
    "--poll", type=FiniteRange(min=0.1), metavar="SECONDS", default=60, show_default=True,
    help="Time between looks at batches.",
)  # fmt: skip


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a provider lets an account send."""
    options = (
        click.option("--rpm", type=FiniteRange(0, min_open=True), metavar="N",
                     help="Requests a minute that the provider lets each model have."),
        click.option("--tpm", type=FiniteRange(0, min_open=True), metavar="N",
                     help="Tokens a minute, in and out."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def consent_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say yes to what `afcost approve` asks besides the amount."""
    said = "As of `afcost approve`; may be repeated."
    options = (
        click.option("--trust", type=TrustedKey(), multiple=True, help=said),
        click.option("--accept-price", metavar="MODEL", multiple=True, help=said),
        click.option("--accept-field", metavar="NAME", multiple=True, help=said),
    )
    for option in reversed(options):  # the last one that is added is shown first
        command = option(command)
    return command
