"""Vega-Lite as plain data: what the specifications of charts are put together from.

altair writes the same specifications and checks their names, but takes longer for that than drawing
them takes. So they are plain here, and tests hold those of all charts against altair's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def make_layer(
    mark: str,
    encoding: Mapping[str, Spec],
    *,
    values: Sequence[Mapping[str, object]] = (),
    where: str = "",
    **look: object,
) -> Spec:
    """Return a layer of a chart.

    Args:
        mark: `rule`, `point`, `text`, `area`, `line` or `tick`.
        encoding: channel -> what it shows.
        values: its own data; none where it has those of all layers.
        where: which of the data it shows, as Vega writes conditions; empty for all.
        look: of the mark, in Vega's names.
    """
    layer: Spec = {"mark": {"type": mark} | look, "encoding": dict(encoding)}
    if values:
        layer["data"] = {"values": list(values)}
    if where:
        layer["transform"] = [{"filter": where}]
    return layer


def show_field(name: str, **more: object) -> Spec:
    """Return a channel that shows a number of the data."""
    return {"field": name, "type": "quantitative"} | more


def show_text(name: str, **more: object) -> Spec:
    """Return a channel that shows a text of the data as it is."""
    return {"field": name, "type": "nominal"} | more


def show_value(value: object) -> Spec:
    """Return a channel that is the same for all: pixels, a colour, a text."""
    return {"value": value}


def lay_out(  # noqa: PLR0913 - a chart has these
    layers: Sequence[Spec],
    *,
    width: int,
    height: int,
    padding: Mapping[str, int],
    config: Mapping[str, object],
    values: Sequence[Mapping[str, object]] = (),
) -> Spec:
    """Return a whole chart of layers.

    Args:
        layers: from the lowest to the highest.
        width: of the plot, in pixels.
        height: the same.
        padding: around it, for what is written there: `left`, `right`, `top`, `bottom`.
        config: what all charts share.
        values: the data of layers that have none of their own.
    """
    return {
        "$schema": SCHEMA,
        "background": "transparent",
        "width": width,
        "height": height,
        "padding": dict(padding),
        "autosize": {"type": "none"},  # else widths depend on the machine's fonts
        "config": dict(config),
        "data": {"values": list(values)},
        "layer": list(layers),
    }
