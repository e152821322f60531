"""Published figures: refusal rates and gaps of others, beside those of an experiment.

They stand in `published.yaml` with their sources. A figure is shown for a comparison where its
model is the same, and where no level of the comparison says otherwise: a row for `cot` is shown in
the cell `cot`, in a cell that says nothing of reasoning, and never in `no-cot`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from experiment.analysis.comparisons import Comparison

_FILE = Path(__file__).with_name("published.yaml")
_TIER = "tier"  # whose levels have a figure each in a row
_Attributes = Mapping[str, str]  # such as tier -> free, reasoning -> cot
_SHOWN = ("setting", "reasoning", _TIER)  # in this order
_Row = Mapping[str, Any]


class _Place(NamedTuple):
    """Two levels of a model in a cell."""

    model: str
    within: str
    between: tuple[str, str]


@dataclass(frozen=True, slots=True)
class PublishedGap:
    """A published figure beside a comparison.

    Attributes:
        model: as the experiment writes it.
        within: the comparison's cell.
        between: the comparison's two levels.
        condition: what the figure is of, in its source's terms: `helpful-only, cot`.
        refusals: the published share of refusals at both levels; None where only a gap is known.
        gap: first level minus second in compliance; None where it is only described.
        says: what is published, in words; empty where there are rates.
        source, where, published, how: who says it, in which place, when, and how it was measured.
        variant: what was measured instead of the plain model; empty where it is the plain one.
    """

    model: str
    within: str
    between: tuple[str, str]
    condition: str
    refusals: tuple[float, float] | None
    gap: float | None
    says: str
    source: str
    where: str
    published: str
    how: str
    variant: str = ""


def find_published(
    comparisons: Iterable[Comparison], is_model: Callable[[str, str], bool]
) -> tuple[PublishedGap, ...]:
    """Find what is published of the models and cells of comparisons, in their order.

    Args:
        comparisons: of compliance.
        is_model: whether a model, as the experiment writes it, is one that a figure is of.
    """
    places = [
        _Place(comparison.model, comparison.within, gap.between)
        for comparison in comparisons
        for gap in comparison.gaps
    ]
    return tuple(figure for place in places for figure in _find_at(place, is_model))


def _find_at(place: _Place, is_model: Callable[[str, str], bool]) -> Iterator[PublishedGap]:
    """Yield what is published of the gap between two levels in a cell."""
    cell = _read_attributes(place.within.split("/"))
    first, second = (_read_attributes([level]) for level in place.between)
    if first.keys() != second.keys() or first == second:
        return  # other levels than those that figures are published of
    for row in _read_file()["refusals"]:
        if is_model(place.model, row["model"]):
            yield from _pair_refusals(place, row, cell | first, second)
    for row in _read_file()["gaps"]:
        is_of_tiers = (first, second) == ({_TIER: "free"}, {_TIER: "paid"})
        if is_of_tiers and is_model(place.model, row["model"]) and _agrees(row, cell):
            yield _describe(place, row, {k: row[k] for k in _SHOWN if k in row}, says=row["says"])


def _pair_refusals(
    place: _Place, row: _Row, first: _Attributes, second: _Attributes
) -> Iterator[PublishedGap]:
    """Yield the figures of a row at the first level, with what is published of the second."""
    for tier in _list_tiers():
        attributes = _attributes_of(row, tier)
        if _agrees(attributes, first):
            other = _find_refusals(row, attributes | dict(second))
            if other is not None:
                refusals = row[tier] / 100, other / 100
                alike = {k: v for k, v in attributes.items() if k not in second}
                yield _describe(place, row, alike, refusals)


def _find_refusals(row: _Row, attributes: _Attributes) -> float | None:
    """Return the refusals of a row's source and model in another condition, in percent."""
    for each in _read_file()["refusals"]:
        if (each["source"], each["model"]) == (row["source"], row["model"]):
            for tier in _list_tiers():
                if _attributes_of(each, tier) == attributes:
                    return float(each[tier])
    return None


def _describe(
    place: _Place,
    row: _Row,
    of: _Attributes,
    refusals: tuple[float, float] | None = None,
    *,
    says: str = "",
) -> PublishedGap:
    """Return a figure of answers that have these attributes at both levels."""
    source = _read_file()["sources"][row["source"]]
    return PublishedGap(
        place.model,
        place.within,
        place.between,
        ", ".join(of[name] for name in _SHOWN if name in of),
        refusals,
        None if refusals is None else round(refusals[1] - refusals[0], 6),
        says,
        source=source["name"],
        where=source["where"],
        published=str(source["published"] or ""),
        how=source["how"],
        variant=row.get("variant", ""),
    )


def _list_tiers() -> list[str]:
    return list(_read_file()["words"][_TIER])


def _attributes_of(row: _Row, tier: str) -> dict[str, str]:
    return {_TIER: tier, "reasoning": row["reasoning"], "setting": row["setting"]}


def _agrees(row: _Row, attributes: _Attributes) -> bool:
    """Return whether a row does not differ in anything that is asked for."""
    return all(row.get(name, value) == value for name, value in attributes.items())


def _read_attributes(levels: Iterable[str]) -> dict[str, str]:
    """Return what levels are called in the figures; of those that they do not know, nothing."""
    known = {
        word: (name, value)
        for name, values in _read_file()["words"].items()
        for value, words in values.items()
        for word in words
    }
    spelled = (level.lower().replace("_", "-").replace(" ", "-") for level in levels)
    return dict(known[word] for word in spelled if word in known)


@cache
def _read_file() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return data
