"""The sequential test of an experiment: the looks so far, what they decided and what that saved."""

from __future__ import annotations

from afcost.rendering.report.blocks import Block, Paragraph, Points, Section, Table
from afcost.rendering.report.findings.figures import NONE
from experiment.analysis import format_points
from experiment.analysis.sequential import Look
from runner.results import Report
from runner.sequential import RecordedLooks, SequentialResult

_HEADER = ["model", "look", "queries", "gap", "t", "bound", "repeated 95%", "gap shown"]
_FIXED = (
    "the p values and 95% intervals below are those of a study of fixed size: after an early stop "
    "they are too narrow, and the gap tends to be too large; the repeated interval holds"
)
_NO_TEST = (
    "the p values below are no test before the last look: only looks test, and reading a report "
    "is none"
)


def compose_sequential(report: Report) -> list[Section]:
    """Return the section on a sequential test; none where the experiment asks for none."""
    result = report.sequential
    if result is None:
        return []
    recorded = result.recorded
    order = {model: place for place, model in enumerate(recorded.models)}
    looks = sorted(recorded.looks, key=lambda each: order[each.model])
    rows = [_format_look(each, recorded) for each in looks]
    table: list[Block] = [Table(_HEADER, rows, 1)] if rows else []
    design = recorded.design
    title = f"sequential test: {recorded.done} of {design.looks} looks"
    notes = Paragraph(tuple(_list_notes(recorded)), quiet=True)
    return [Section(title, (Points(tuple(_list_points(result))), *table, notes))]


def _format_look(look: Look, recorded: RecordedLooks) -> list[str]:
    is_tested = look.t is not None and look.low is not None and look.high is not None
    return [
        look.model,
        f"{look.number} of {recorded.design.looks}",
        f"{look.queries:,}",
        NONE if look.estimate is None else format_points(look.estimate),
        f"{look.t:+.2f}" if look.t is not None else NONE,
        f"{look.bound:.2f}" if look.bound is not None else NONE,
        f"{format_points(look.low or 0.0)} to {format_points(look.high or 0.0)}"
        if is_tested
        else NONE,
        "yes" if look.is_shown else "no",
    ]


def _list_points(result: SequentialResult) -> list[str]:
    recorded = result.recorded
    points = recorded.describe_stops()
    if saving := result.describe_saving():
        points.append(f"stopped early: {saving}")
    if recorded.next_place is not None:
        done = "no test was done yet" if not recorded.done else "nothing is tested between looks"
        points.append(
            f"the next look comes after {recorded.next_place:,} of "
            f"{recorded.design.queries:,} queries; {done}"
        )
    shown_last = [each.model for each in recorded.shown.values()]
    early = {each.model for each in recorded.stopped_early}
    points += [f"{model}: the gap was shown at the last look" for model in shown_last
               if model not in early]  # fmt: skip
    if recorded.done == recorded.design.looks:
        points += [f"{model}: no look showed a gap" for model in recorded.open_models]
    return points


def _list_notes(recorded: RecordedLooks) -> list[str]:
    """Return what the table is, and how far the figures below it hold."""
    design, models = recorded.design, len(recorded.models)
    each = f", {design.alpha:.1%} for each of {models} models" if models > 1 else ""
    bounds = f"bounds: O'Brien-Fleming, {design.looks} looks, 5% two-sided over all of them{each}"
    notes = [f"{bounds}; converted to Student's t"]
    if recorded.stopped_early:
        notes.append(_FIXED)
    elif recorded.next_place is not None:
        notes.append(_NO_TEST)
    if recorded.others:
        notes.append(
            f"earlier plans of this study took looks of another design: {recorded.others}; the 5% "
            "does not cover those"
        )
    return notes
