"""The designs of a study on the terminal: a table, what limits it, and what else could be done."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.design.alternatives_view import format_points, print_alternatives
from afcost.rendering.durations import format_range, format_shortly
from afcost.rendering.wall_time_view import describe_speeds
from afcost.rendering.ways_view import describe_ways
from estimator.design import (
    MOST_SAMPLES,
    USEFUL_GAP,
    Design,
    Row,
    StudyDesign,
    find_floor,
)


def show_design(design: StudyDesign) -> None:
    """Print what a budget can show, or what a gap costs."""
    console = draw.stdout()
    for line in _describe_question(design):
        draw.print_text(console, line)
    if design.has_none:
        _show_nothing(console, design)
        return
    _print_rows(console, design)
    for line in _describe_terms(design):
        draw.print_text(console, line, "dim")
    draw.print_text(console, "")
    for line in (*_describe_floors(design), *_describe_time(design)):
        draw.print_text(console, line)
    print_alternatives(console, design)
    for line in _describe_sources(design):
        draw.print_text(console, line, "dim")
    draw.print_text(
        console, "To write a row into a copy of the experiment, add:  --write FILE --row N", "dim"
    )
    for warning in design.warnings:
        draw.print_text(draw.stderr(), f"warning: {warning}", "yellow")


def describe_chosen(row: Row, design: Design) -> str:
    """Return in words what a row asks: 60 queries x 4 samples."""
    samples = "sample" if design.samples == 1 else "samples"
    return (
        f"{design.queries:,} queries x {design.samples:,} {samples}, likely "
        f"{draw.format_dollars(design.cost)}, and very likely below "
        f"{draw.format_dollars(design.cost * row.choice.range_factor)}"
    )


def _describe_question(design: StudyDesign) -> Iterator[str]:
    wish, levels = design.question.wish, design.levels
    between = " and ".join(levels) if len(levels) == 2 else f"the levels of {design.compared}"  # noqa: PLR2004
    if wish.gap is not None:
        yield (
            f"{design.experiment.name}: what it costs to find a gap of {format_points(wish.gap)} "
            f"between {between}, 4 times in 5 (80% power, 5% level)"
        )
        return
    budget = draw.format_dollars(wish.budget or 0.0)
    yield (
        f"{design.experiment.name}: the least gap between {between} that {budget} finds 4 times "
        "in 5 (80% power, 5% level)"
    )
    planned = sorted({row.choice.plan_money(wish.budget or 0.0) for row in design.rows})
    least, most = draw.format_dollars(planned[0]), draw.format_dollars(planned[-1])
    spread = least if least == most else f"{least} to {most}"
    yield (
        f"At most {spread} of it is planned: the lengths of answers are a forecast, and so 19 of "
        f"20 such studies cost less than {budget}."
    )


def _print_rows(console: Console, design: StudyDesign) -> None:
    several = len(design.names) > 1
    has_cells = len(design.rows[-1].choice.within) > 1
    others = [name for name in design.experiment.spec.factors if name != design.compared]
    names = ["model"] * several + ["row"] + [others[0] if len(others) == 1 else "cell"] * has_cells
    figures = ["cost", "cap"] if design.question.wish.gap is not None else ["gap", "cost"]
    header = [*names, "queries", "similar", *figures, "these", *figures, "time"]
    rows = [
        [
            *([_name_models(design, row)] if several else []),
            str(row.number),
            *([_name_cells(row)] if has_cells else []),
            "more" if row.queries is None else f"{row.queries:,}",
            *_format_design(row, row.like_these, design),
            *_format_design(row, row.these, design),
            _format_time(row, design),
        ]
        for row in design.rows
    ]
    draw.print_table(console, header, rows, left_columns=len(names), has_groups=several)


def _name_models(design: StudyDesign, row: Row) -> str:
    models = row.choice.models
    return design.names[models[0]] if len(models) == 1 else f"{len(models)} models together"


def _name_cells(row: Row) -> str:
    within = row.choice.within
    return within[0] if len(within) == 1 else "both" if len(within) == 2 else "all"  # noqa: PLR2004


def _format_design(row: Row, found: Design | None, design: StudyDesign) -> list[str]:
    if found is None:
        return ["–", "", ""]
    cost = draw.format_dollars(found.cost)
    cap = draw.format_dollars(found.cost * row.choice.range_factor)
    figures = (
        [cost, cap] if design.question.wish.gap is not None else [format_points(found.gap), cost]
    )
    return [f"{found.queries:,} x {found.samples:,}", *figures]


def _format_time(row: Row, design: StudyDesign) -> str:
    """Return how long the row's designs likely take: the longer of the two."""
    found = [each for each in (row.like_these, row.these) if each]
    times = [design.find_time(row.choice, each).likely for each in found]
    return format_shortly(max(times)) if times else ""


def _describe_terms(design: StudyDesign) -> Iterator[str]:
    asked = f"queries: how many there are; the experiment has {len(design.experiment.queries):,}"
    yield f"{asked}; more: as many as it takes"
    yield "similar: queries x samples for a result about all queries like these"
    yield "these: for a result about these queries alone; it takes 3 samples or more"
    found = [each for row in design.rows for each in (row.like_these, row.these) if each]
    if any(each.samples == MOST_SAMPLES for each in found):
        yield f"samples: {MOST_SAMPLES} of a query at most, as more show next to nothing more"
    if design.question.wish.gap is not None:
        yield "cost: likely; cap: covers it in 19 of 20 studies"
    if several := sorted({row.choice.gaps for row in design.rows} - {1}):
        listed = " or ".join(map(str, several))
        yield f"{listed} gaps in one report are corrected for each other, so each must be larger"


def _show_nothing(console: Console, design: StudyDesign) -> None:
    """Print what the cheapest useful study costs, where no design is within reach."""
    draw.print_text(console, _describe_nothing(design), "bold")
    for line in _describe_sources(design):
        draw.print_text(console, line, "dim")


def _describe_nothing(design: StudyDesign) -> str:
    if design.question.wish.gap is not None:
        return "No design finds such a gap."
    found = design.find_cheapest()
    if found is None:
        return "It pays for no study that shows a gap."
    row, least = found
    cell = f" of {_name_cells(row)}" if row.choice.within[0] else ""
    model = f" with {_name_models(design, row)}" if len(design.names) > 1 else ""
    samples = f" x {least.samples:,}" if least.samples > 1 else ""
    budget = _ceil_cents(least.cost * row.choice.range_factor)
    return (
        "It pays for no study that shows a gap. The cheapest one that finds "
        f"{format_points(USEFUL_GAP)} takes a budget of {budget}: "
        f"{least.queries:,} queries{samples}{cell}{model}."
    )


def _ceil_cents(dollars: float) -> str:
    return f"${math.ceil(dollars * 100) / 100:,.2f}"


def _describe_floors(design: StudyDesign) -> Iterator[str]:
    row = design.default_row
    variance = row.choice.outcomes.variance
    counts = sorted({design.queries, *(each.queries for each in design.rows if each.queries)})
    single = [f"{n:,} of them {format_points(find_floor(variance, n))}" for n in counts if n > 1]
    first = single[0].replace(" of them", " queries like these cannot show less than", 1)
    rest = f"; {', '.join(single[1:])}" if single[1:] else ""
    yield f"{first}, whatever is spent on samples{rest}."
    if (floor := row.floor) is not None and row.choice.gaps > 1:
        yield (
            f"With {row.choice.gaps} gaps tested together {row.queries:,} queries cannot show less "
            f"than {format_points(floor)}. More queries help; more samples stop helping."
        )


def _describe_time(design: StudyDesign) -> Iterator[str]:
    """Say what the times of the rows rest on, with the range of one of them."""
    limits, row = design.question.limits, design.default_row
    places = f"{design.question.concurrency:,} in flight (--concurrency)"
    if found := row.design_for(design.target) or row.like_these or row.these:
        time = design.find_time(row.choice, found)
        yield (
            f"Time: likely, of the longer design, with {places}, judges included. "
            f"Row {row.number} takes {format_range(time)} in 90% of cases."
        )
    if late := [str(each.number) for each in design.list_late_rows()]:
        rows = "Row" if len(late) == 1 else "Rows"
        yield f"{rows} {', '.join(late)} may not be done by then (--by)."
    if not limits.is_known and design.speeds:
        names = ", ".join(sorted({name.partition("/")[0] for name in design.speeds}))
        yield (
            f"No rate limit is known: {names} tell what an account may send only with their "
            "answers. Give it with --rpm and --tpm."
        )


def _describe_sources(design: StudyDesign) -> Iterator[str]:
    for model, name in design.names.items():
        own = [each for each in design.cells if each.model == model]
        costs = ", ".join(
            f"{draw.format_dollars(each.likely)}{f' ({each.within})' if each.within else ''}"
            for each in own
        )
        basis = " and ".join(design.bases[model])
        if calls := design.sources[model]:
            basis += f" ({', '.join(calls)})"
        number = len(design.levels)
        levels = "both levels" if number == 2 else f"all {number} levels"  # noqa: PLR2004
        yield (
            f"cost: {name}, a query once at {levels}, judges included: {costs}; lengths by {basis}"
        )
    yield from describe_ways(design.ways)
    yield from describe_speeds(design.speeds)
    for source in _list_variance_sources(design.rows):
        yield f"variance: {source}"


def _list_variance_sources(rows: Sequence[Row]) -> list[str]:
    found = list(dict.fromkeys(row.choice.outcomes.source for row in rows))
    if any(source.startswith("assumed") for source in found):
        found.append("measure it with a pilot, and pass --from RUN; or give the --rates you expect")
    return found
