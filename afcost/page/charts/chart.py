"""A chart: drawn twice where that matters, for a desk and for a phone, and written to files.

Colours are the page's CSS variables, so one drawing serves light, dark and print; in a file they
are the light ones. A chart is one image to a screen reader, whose label says all that it shows; the
same figures stand in a table. `data-tip` of a mark is what its pointer's tip says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from afcost.errors import MissingExtra
from afcost.rendering.console import show

INK, MUTED, HAIR, PAPER = "var(--ink)", "var(--muted)", "var(--hair)", "var(--bg)"
FIRST, SECOND, MARK, BAND = "var(--free)", "var(--paid)", "var(--mark)", "var(--band)"
_FILE_MARGIN = 12  # pixels around a chart in a file
WIDE, NARROW = 540, 348  # pixels; the second is what a phone of 390 has room for
_LIGHT = {
    INK: "#1b1b1a",
    MUTED: "#5a5a57",
    HAIR: "#dcdcd6",
    PAPER: "#ffffff",
    FIRST: "#0b5c9e",
    SECOND: "#a8480a",
    MARK: "#b3261e",
    BAND: "#929187",
}
CONFIG: dict[str, Any] = {
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "text": {"fontSize": 13},
    "axis": {
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "labelColor": MUTED,
        "gridColor": HAIR,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
}
Drawing = Mapping[str, Any]  # Vega-Lite as plain data
_TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')
_STYLE = re.compile(r'\sstyle="[^"]*"')
_ATTRIBUTES = re.compile(
    r'\s(?:role|aria-roledescription|aria-hidden|pointer-events|font-family)="[^"]*"'
)
_LABEL = re.compile(r'\saria-label="([^"]*)"')
_EMPTY = re.compile(r'<path class="(?:background|foreground)"[^>]*?/>')
_COORDINATES = re.compile(r'\s(?:d|transform|x[12]?|y[12]?|points|viewBox)="[^"]*"')
_DIGITS = re.compile(r"(\d+\.\d)\d+")
_HEAD = re.compile(r' xmlns="[^"]*" xmlns:xlink="[^"]*" version="1.1" class="marks"')


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        name: of its files, such as `compliance-gap`.
        label: a full sentence, or several, that say all that it shows.
        rows: the data behind it, one flat mapping for each mark.
        wide: for a desk, and for files.
        narrow: for a phone; None where the other fits there too.
    """

    name: str
    label: str
    rows: Sequence[Mapping[str, object]]
    wide: Drawing
    narrow: Drawing | None = None

    def __html__(self) -> str:
        """Return it as it stands in a page: CSS shows one of two drawings."""
        if self.narrow is None:
            return self._draw(self.wide, "")
        return self._draw(self.wide, "wide") + self._draw(self.narrow, "narrow")

    def to_svg(self) -> str:
        """Return it as the text of an SVG file, in light colours."""
        svg: str = load_converter().vegalite_to_svg(self._color_for_file())
        return svg

    def to_png(self) -> bytes:
        """Return it as the bytes of a PNG file, in light colours, at twice its size."""
        png: bytes = load_converter().vegalite_to_png(self._color_for_file(), scale=2)
        return png

    def _color_for_file(self) -> dict[str, Any]:
        text = json.dumps(_show_texts(self.wide))
        for variable, color in _LIGHT.items():
            text = text.replace(variable, color)
        drawn: dict[str, Any] = json.loads(text)
        padding = {side: each + _FILE_MARGIN for side, each in drawn["padding"].items()}
        return drawn | {"background": _LIGHT[PAPER], "padding": padding}

    def _draw(self, drawing: Drawing, css: str) -> Markup:
        svg: str = load_converter().vegalite_to_svg(_show_texts(drawing))
        svg = _EMPTY.sub("", _TAG.sub(_clean_tag, svg))
        svg = _HEAD.sub("", svg, count=1)
        label = escape(show(self.label))
        head = f'<svg class="{css}" role="img" aria-label="{label}" focusable="false"'
        return Markup(svg.replace("<svg", head, 1))  # noqa: S704 - drawn here, texts escaped


def _show_texts(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a drawing whose texts are as they may be shown; a tip has lines."""
    if isinstance(value, str):
        return "\n".join(map(show, value.split("\n")))
    if isinstance(value, Mapping):
        return {name: _show_texts(each) for name, each in value.items()}
    return [_show_texts(each) for each in value] if isinstance(value, list | tuple) else value


def load_converter() -> Any:  # noqa: ANN401 - a module
    """Return vl-convert.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        raise MissingExtra("charts", "page") from missing
    return vl_convert


def _clean_tag(found: re.Match[str]) -> str:
    """Return a tag without what a page needs not; a name in a text may look like an attribute."""
    tag = _ATTRIBUTES.sub("", _STYLE.sub("", found[0]))  # the policy allows no style
    tag = _LABEL.sub(_keep_tip, tag)
    # Coordinates only: elsewhere it would cut figures.
    return _COORDINATES.sub(lambda each: _DIGITS.sub(r"\1", each[0]), tag)


def _keep_tip(found: re.Match[str]) -> str:
    """Return a mark's description as its tip; what Vega says of axes and scales is left out."""
    text = found[1]
    is_axis = " scale with " in text or "axis titled" in text.lower()
    return "" if is_axis else f' data-tip="{text}"'
