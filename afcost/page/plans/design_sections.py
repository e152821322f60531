"""The sections on a design: its curves, its table, and what else could be done."""

from __future__ import annotations

from collections.abc import Iterator

from afcost.page.charts.chart import Chart
from afcost.page.charts.curves import Line, draw_curves
from afcost.page.shell.figures import PERCENT
from afcost.page.shell.sections import PageSection
from afcost.rendering.console import format_dollars
from estimator.design import Choice, Curve, Design, StudyDesign
from experiment.definition import Target

_MOST_LINES = 4


def compose_curves(design: StudyDesign, budget: str = "the budget") -> PageSection:
    """Return the section with the gap that is found against dollars, for each choice of cells.

    Args:
        design: that is drawn.
        budget: what its budget is, in words.
    """
    return PageSection(
        "design",
        "Gap against cost",
        "plans/curves.html.j2",
        {
            "levels": design.levels,
            "choices": [(number, each) for number, each in enumerate(_name_choices(design))],
            "queries": design.queries,
            "source": design.rows[-1].choice.outcomes.source,
            "budget": budget if design.question.wish.budget else "",
        },
        {f"curves{number}": chart for number, chart in enumerate(draw_designs(design))},
    )


def draw_designs(design: StudyDesign) -> list[Chart]:
    """Return a chart for each choice of models and cells that is drawn."""
    return [
        _draw_choice(number, choice, design) for number, choice in enumerate(_list_choices(design))
    ]


def _list_choices(design: StudyDesign) -> list[Choice]:
    """Return the choices that are drawn: of several models those with all of their cells."""
    choices = list(dict.fromkeys(row.choice for row in design.rows))
    if len(design.names) == 1:
        return choices
    most = max(len(each.within) for each in choices)
    return [each for each in choices if len(each.within) == most]


def _name_choices(design: StudyDesign) -> list[str]:
    return [_name_choice(choice, design) for choice in _list_choices(design)]


def _name_choice(choice: Choice, design: StudyDesign) -> str:
    models = [design.names[each] for each in choice.models]
    model = models[0] if len(models) == 1 else f"{len(models)} models together"
    within = ", ".join(filter(None, choice.within))
    return f"{model}, {within}" if within else model


def _draw_choice(number: int, choice: Choice, design: StudyDesign) -> Chart:
    curves = [each for each in design.curves if each.choice == choice]
    lines = list(map(_make_line, _choose(curves, design)))
    told = "; ".join(f"{line.name}: {line.tips[0]}; {line.tips[-1]}" for line in lines)
    label = f"Gap that is found 4 times in 5 against cost, {_name_choice(choice, design)}: {told}."
    return draw_curves(
        f"design-{number + 1}", lines, label.replace("\n", ", "), budget=design.question.wish.budget
    )


def _choose(curves: list[Curve], design: StudyDesign) -> Iterator[Curve]:
    """Yield the curves that are drawn: the experiment's own queries, more of them, these alone."""
    like = [each for each in curves if each.target is Target.LIKE_THESE and each.queries]
    own = [each for each in like if each.queries == design.queries]
    more = [each for each in like if (each.queries or 0) > design.queries][-1:]
    along = [each for each in curves if each.queries is None]
    these = [each for each in curves if each.target is Target.THESE]
    yield from (*own, *more, *along, *these)[:_MOST_LINES]


def _make_line(curve: Curve) -> Line:
    these = curve.target is Target.THESE
    named = "more queries" if curve.queries is None else f"{curve.queries:,} queries"
    return Line(
        f"these {curve.queries:,}" if these else named,
        [(each.cost, each.gap * PERCENT) for each in curve.designs],
        [_tell(each, these=these) for each in curve.designs],
    )


def _tell(design: Design, *, these: bool) -> str:
    about = "these queries" if these else "queries like these"
    return (
        f"{design.queries:,} queries x {design.samples:,}: {design.gap * PERCENT:.1f} points\n"
        f"likely {format_dollars(design.cost)}, about {about}"
    )
