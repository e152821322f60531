"""Cell rates: what a measure says of each model in each condition, and in all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from experiment.analysis.cells import Cell
from experiment.analysis.clustered_rate import Rate, RateTally
from experiment.analysis.comparisons import CrossedCells
from experiment.definition import COMPLIANCE


@dataclass(frozen=True, slots=True)
class CellRate:
    """What a measure says of one model in one condition, or in all of them.

    Attributes:
        model: as the experiment writes it.
        condition: its name; empty for all conditions together.
        answers: how many have a result, or have others that stand for them.
        missing: how many have none.
        rate: the mean over `answers`.
        refusal: the rest of it, where it is the rate of compliance; else None.
        proxy: the share that complied by the proxy, of answers that have a tag.
        missing_by: why results are missing -> how many.
        low, high: the 95 % interval of `rate`, clustered by query; None where there is none.
        count, of: how many answers are positive, of how many; each is counted once.
    """

    model: str
    condition: str
    answers: int
    missing: int
    rate: float | None
    refusal: float | None
    proxy: float | None
    missing_by: dict[str, int]
    low: float | None = None
    high: float | None = None
    count: int = 0
    of: int = 0


def rate_models(crossed: CrossedCells, outcome: str) -> tuple[CellRate, ...]:
    """Return the rate of each model in all conditions; none where there is one."""
    cells = [
        [cell for (of, _), cell in crossed.cells.items() if of == model] for model in crossed.models
    ]
    return tuple(rate_cells(each, outcome) for each in cells if len(each) > 1)


def rate_cells(cells: Sequence[Cell], outcome: str) -> CellRate:
    """Return what a measure says of one model, in one condition or in several together."""
    tally, proxies = RateTally(), [proxy for cell in cells for proxy in cell.proxies]
    missing_by: Counter[str] = Counter()
    for cell in cells:
        tally.merge(cell.tally)
        missing_by.update(cell.kinds.missing)
    found = tally.compute_rate() or Rate(None, None, None)
    is_compliance = outcome == COMPLIANCE and found.estimate is not None
    return CellRate(
        cells[0].kinds.model,
        cells[0].kinds.condition if len(cells) == 1 else "",
        answers=sum(cell.answers for cell in cells),
        missing=sum(cell.missing for cell in cells),
        rate=found.estimate,
        refusal=1 - (found.estimate or 0.0) if is_compliance else None,
        proxy=sum(proxies) / len(proxies) if proxies else None,
        missing_by=dict(missing_by),
        low=found.low,
        high=found.high,
        count=found.count,
        of=found.of,
    )
