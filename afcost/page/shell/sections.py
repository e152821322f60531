"""Sections: the parts of a page, to each of which its navigation leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afcost.page.charts.chart import Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that the navigation leads to.

    Attributes:
        id: of its element.
        name: in the navigation.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PageSection(Section):
    """A section with a template of its own.

    Attributes:
        template: its file in the page's source.
        values: of the template.
        charts: by the name that the template gives them.
    """

    template: str
    values: Mapping[str, object]
    charts: Mapping[str, Chart] = field(default_factory=dict)
