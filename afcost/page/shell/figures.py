"""Figures on a page: each is looked up in the JSON that programs read, and says where.

So a page cannot show a figure that the JSON does not have, and a test can read all of them back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from afcost.rendering.console import format_dollars, format_tokens, show_json
from afcost.rendering.durations import format_duration
from experiment.analysis import format_p
from experiment.analysis import format_points as format_difference
from pricing.money import Money, format_per_million

NONE = "–"
MINUS = "\N{MINUS SIGN}"
PERCENT = 100
_HOUR = 3600.0  # seconds


class Figures:
    """The figures of a document, for a page's templates: `{{ figures.dollars('spent_usd') }}`.

    A path names keys and, in lists, numbers from 0: `strata.0.actual.cost_usd`; a key that is not
    ours is put into it by `join_path`. What the document has none of (null) is shown as a dash.

    Args:
        document: JSON, as `to_json` of a report, a status or an estimate gives it.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def value(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the value at a path.

        Raises:
            LookupError: there is none.
        """
        found: Any = self.document
        for part in path.split("."):
            found = found[int(part)] if isinstance(found, list) else found[_unescape(part)]
        return found

    def dollars(self, path: str) -> Markup:
        """Show an amount: to the cent, or to two digits below ten cents."""
        return self._show(path, lambda value: format_dollars(Money.from_usd(str(value))))

    def hours(self, path: str) -> Markup:
        """Show a time that is in hours, with two figures."""
        return self._show(path, lambda value: format_duration(value * _HOUR))

    def price(self, path: str) -> Markup:
        """Show a price per million tokens, with two digits at least."""
        return self._show(path, lambda value: format_per_million(Decimal(value)))

    def percent(self, path: str, digits: int = 1) -> Markup:
        """Show a share of 1 in per cent."""
        return self._show(path, lambda value: f"{value:z.{digits}%}".replace("-", MINUS))

    def points(self, path: str) -> Markup:
        """Show a difference of shares in percentage points, with its sign."""
        return self._show(path, format_points)

    def interval(self, path: str) -> Markup:
        """Show the bounds `low` and `high` of what stands at a path, in percentage points."""
        if self.value(f"{path}.low") is None:
            return Markup(NONE)  # noqa: S704 - our own
        return Markup("{} to {}").format(self.points(f"{path}.low"), self.points(f"{path}.high"))

    def range(self, path: str) -> Markup:
        """Show the bounds `low` and `high` of a share of 1, in whole per cent."""
        if self.value(f"{path}.low") is None:
            return Markup(NONE)  # noqa: S704 - our own
        low, high = (self.percent(f"{path}.{end}", 0) for end in ("low", "high"))
        return Markup("{} to {}").format(low, high)

    def size(self, path: str) -> Markup:
        """Show the size of a difference of shares in percentage points."""
        return self._show(path, lambda share: f"{abs(share) * PERCENT:.1f}")

    def probability(self, path: str) -> Markup:
        """Show a p value: `0.23`, `0.004`, `<0.001`."""
        return self._show(path, format_p)

    def gap(self, path: str) -> Markup:
        """Show a gap without a direction, in percentage points."""
        return self._show(path, lambda value: f"{value * PERCENT:.1f}")

    def tokens(self, path: str) -> Markup:
        """Show a number of tokens in three digits."""
        return self._show(path, format_tokens)

    def count(self, path: str) -> Markup:
        """Show a whole number."""
        return self._show(path, lambda value: f"{value:,}".replace("-", MINUS))

    def number(self, path: str, digits: int = 2) -> Markup:
        """Show a number."""
        return self._show(path, lambda value: f"{value:z.{digits}f}".replace("-", MINUS))

    def _show(self, path: str, form: Callable[[Any], str]) -> Markup:
        value = self.value(path)
        if value is None:
            return Markup(NONE)  # noqa: S704 - our own
        return Markup('<data data-figure="{}" value="{}">{}</data>').format(
            path, value, form(value)
        )


def read_document(value: object) -> dict[str, Any]:
    """Return JSON as programs read it once it is printed: without keys, and exact."""
    document: dict[str, Any] = json.loads(show_json(value))
    return document


def join_path(*parts: str | int) -> str:
    """Return the path of parts, of which any may hold a dot.

    As in a JSON Pointer (RFC 6901) a sign stands for it: `~1`, and `~0` for `~`.
    """
    return ".".join(str(each).replace("~", "~0").replace(".", "~1") for each in parts)


def _unescape(part: str) -> str:
    return part.replace("~1", ".").replace("~0", "~")


def format_points(share: float) -> str:
    """Return a difference of shares in points, with a true minus sign: `+20.4`, `0.0`."""
    text = format_difference(share)
    return "0.0" if text == "+0.0" else text.replace("-", MINUS)


def format_interval(low: float, high: float) -> str:
    """Return the ends of an interval of shares in points, as `format_points` writes each."""
    return f"{format_points(low)} to {format_points(high)}"
