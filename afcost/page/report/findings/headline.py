"""The result in words: one sentence that leads, and in few words what else was compared.

The gap that leads is the one over all models, or of the one model, and none that was chosen for its
size. Shares in it are those of the queries that it is over, so their difference is the gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from markupsafe import Markup

from afcost.page.report.findings.places import (
    PlacedGap,
    PlacedRate,
    find_main_gaps,
    list_gaps,
    name_model,
    place_cells,
    place_totals,
)
from afcost.page.shell.figures import Figures
from afcost.page.shell.sentences import join_words, write_sentence
from afcost.rendering.console import capitalize_first
from experiment.analysis import Analysis, Evidence
from experiment.definition import Target

_MOST_NAMED, _MOST_LETTERS = 6, 140  # gaps that one sentence names, and letters of their names
_MOST_MODELS = 3  # whose rates one sentence names


def write_lead(analysis: Analysis, figures: Figures, measured: str) -> Markup:
    """Return what came out, in a sentence or two.

    Args:
        analysis: of the answers.
        figures: of the report.
        measured: what its rates are: `compliance`, `the mean of risk`.
    """
    if not any(each.rate is not None for each in analysis.rates):
        return write_sentence("No answer has a result yet.")
    gaps = find_main_gaps(analysis)
    if not gaps:
        return _write_rates(place_totals(analysis), figures, measured)
    return _write_gap(gaps[0], figures, measured, _count_tested(gaps))


def write_others(analysis: Analysis, figures: Figures) -> list[Markup]:
    """Return what the other gaps show: those that stand, those that do not, and those unseen."""
    if not any(each.rate is not None for each in analysis.rates):
        return []
    lead = find_main_gaps(analysis)[:1]
    others = [each for each in _list_others(analysis) if each.path not in {g.path for g in lead}]
    if not others:
        return []
    tested = _count_tested(list_gaps(place_cells(analysis))) or len(others)
    found = {kind: [each for each in others if each.gap.evidence == kind] for kind in Evidence}
    sentences = [
        _write_found(found[Evidence.FOUND], figures, tested),
        _write_alone(found[Evidence.ALONE], figures),
        _write_none(found[Evidence.NONE], figures),
        _write_unknown(found[Evidence.UNKNOWN]),
    ]
    return [each for each in sentences if each]


def _list_others(analysis: Analysis) -> list[PlacedGap]:
    """Return the gaps in the cells, and those that stand beside the one that leads."""
    cells = list_gaps(place_cells(analysis))
    beside = find_main_gaps(analysis)[1:]
    return [*(each for each in beside if each.path not in {c.path for c in cells}), *cells]


def _count_tested(gaps: Sequence[PlacedGap]) -> int:
    return sum(each.gap.p is not None for each in gaps)


def _write_gap(placed: PlacedGap, figures: Figures, measured: str, beside: int) -> Markup:
    gap, first, second = placed.gap, *placed.gap.between
    where = _name_whole(placed)
    if gap.estimate is None or gap.low is None:
        few = "only one query" if gap.pairs else "no query"
        return write_sentence(
            "{where}nothing can be said of a gap between {first} and {second} yet: {few} has a "
            "result at both.",
            where=where, first=first, second=second, few=few,
        )  # fmt: skip
    if gap.evidence == Evidence.NONE:
        text = (
            "{where}there is <b>no evidence of a gap</b> between {first} and {second}: {shares}, "
            "{gap} points (95% interval {interval}).{seen}"
        )
    else:
        text = (
            "{where}{measured} was <b>{higher} in {first} than in {second}: {shares}, a gap of "
            "{gap} points</b> (95% interval {interval}{p}).{stands}"
        )
    doubt = _write_doubt(placed, figures)
    return _start(text + "{doubt}").format(
        where=where,
        measured=measured,
        higher="higher" if gap.estimate > 0 else "lower",
        first=write_sentence("{name}", name=first),
        second=write_sentence("{name}", name=second),
        shares=_write_shares(placed, figures),
        gap=figures.points(f"{placed.path}.estimate"),
        interval=figures.interval(placed.path),
        p=_say_p(placed, figures, beside),
        stands=_say_stands(placed, figures, beside),
        seen=_say_seen(placed, figures),
        doubt=doubt,
    )


def _start(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - our own words


def _name_whole(placed: PlacedGap) -> Markup:
    """Return of which answers a gap is: over all models, or in one of them."""
    comparison = placed.comparison
    alone = ", for these queries alone" if placed.gap.target is Target.THESE else ""
    if not comparison.model:
        return write_sentence("Over all models{alone}, ", alone=alone)
    within = f", {comparison.within}" if comparison.within else ""
    return write_sentence(
        "In {model}{within}{alone}, ", model=comparison.model, within=within, alone=alone
    )


def _write_shares(placed: PlacedGap, figures: Figures) -> Markup:
    if placed.gap.means is None:
        return Markup()
    first, second = (figures.percent(f"{placed.path}.means.{at}") for at in (0, 1))
    return Markup("{} against {}").format(first, second)


def _say_stands(placed: PlacedGap, figures: Figures, beside: int) -> Markup:
    """Return whether a gap stands when the ones that are tested beside it are corrected for."""
    if beside == 1:
        return Markup()
    holm = figures.probability(f"{placed.path}.p_holm")
    if placed.gap.evidence == Evidence.FOUND:
        text = " It stands when all {} comparisons are corrected (Holm, p {})."
    else:
        text = " Clear alone, it does not stand when all {} are corrected (Holm, p {})."
    return Markup(text).format(beside, holm)  # noqa: S704 - our own words


def _say_p(placed: PlacedGap, figures: Figures, beside: int) -> Markup:
    """Return the p value of a gap that is tested alone."""
    if beside != 1:
        return Markup()
    return Markup(", p {}").format(figures.probability(f"{placed.path}.p"))


def _say_seen(placed: PlacedGap, figures: Figures) -> Markup:
    detectable = placed.gap.detectable
    if detectable is None or detectable > 1:
        return Markup(" With so few queries no gap would have been seen four times in five.")
    size = figures.size(f"{placed.path}.detectable")
    return Markup(" One of {} points would have been seen four times in five.").format(size)


def _write_doubt(placed: PlacedGap, figures: Figures) -> Markup:
    """Return how far what is missing could move a gap that is shown, where it could undo it."""
    bounds, shown = placed.gap.bounds, placed.gap.evidence in (Evidence.FOUND, Evidence.ALONE)
    if not shown or bounds is None or not bounds.low <= 0 <= bounds.high:
        return Markup()
    return Markup(" Missing answers leave anything from {} points.").format(
        figures.interval(f"{placed.path}.bounds")
    )


def _write_rates(rates: Sequence[PlacedRate], figures: Figures, measured: str) -> Markup:
    """Return the rates of models, where nothing is compared."""
    rates = [each for each in rates if each.rate.rate is not None]
    text = "{measured} was {rates}."
    if len(rates) > _MOST_MODELS:
        ordered = sorted(rates, key=lambda each: each.rate.rate or 0.0)
        text = "{measured} was between {rates}."
        rates = [ordered[0], ordered[-1]]
    said = join_words(_write_rate(each, figures) for each in rates)
    return _start(text).format(measured=capitalize_first(measured), rates=said)


def _write_rate(placed: PlacedRate, figures: Figures) -> Markup:
    interval = ""
    if placed.rate.low is not None:
        interval = Markup(" (95% interval {})").format(figures.range(placed.path))
    return write_sentence(
        "<b>{rate}</b>{interval} in {model}",
        rate=figures.percent(f"{placed.path}.rate"),
        interval=interval,
        model=placed.rate.model,
    )


def _write_found(gaps: Sequence[PlacedGap], figures: Figures, tested: int) -> Markup:
    if not gaps:
        return Markup()
    show = "shows" if len(gaps) == 1 else "show"
    head = f"{{}} of {{}} comparisons {show} a gap that stands when all are corrected (Holm)"
    end = ": {}." if _can_be_named(gaps) else ", {}."
    return _start(head + end).format(len(gaps), tested, _name_gaps(gaps, figures))


def _write_alone(gaps: Sequence[PlacedGap], figures: Figures) -> Markup:
    if not gaps:
        return Markup()
    between = ": " if _can_be_named(gaps) else ", "
    head = "{} clear alone, but not when all are corrected" + between + "{}."
    return _start(head).format(_count_gaps(gaps), _name_gaps(gaps, figures))


def _write_none(gaps: Sequence[PlacedGap], figures: Figures) -> Markup:
    if not gaps:
        return Markup()
    between = ": " if _can_be_named(gaps) else ", "
    return _start("{} no evidence of a gap" + between + "{}.{}").format(
        f"{len(gaps)} {'shows' if len(gaps) == 1 else 'show'}",
        _name_gaps(gaps, figures),
        _say_range_seen(gaps, figures),
    )


def _count_gaps(gaps: Sequence[PlacedGap]) -> str:
    return f"{len(gaps)} {'is' if len(gaps) == 1 else 'are'}"


def _write_unknown(gaps: Sequence[PlacedGap]) -> Markup:
    if not gaps:
        return Markup()
    named = dict.fromkeys(_name_gap(each) for each in gaps)
    shown = list(named)[:_MOST_NAMED]
    rest = [f"{len(named) - len(shown)} others"] if len(named) > len(shown) else []
    return Markup("Too few queries to say anything: {}.").format(join_words([*shown, *rest]))


def _name_gap(placed: PlacedGap) -> str:
    return ", ".join(filter(None, [name_model(placed.comparison.model), placed.cell]))


def _name_gaps(gaps: Sequence[PlacedGap], figures: Figures) -> Markup:
    """Return gaps by name and size, or, where these are many, the least and the greatest."""
    if not _can_be_named(gaps):
        ordered = sorted(gaps, key=lambda each: each.gap.estimate or 0.0)
        low, high = (_size_gap(each, figures) for each in (ordered[0], ordered[-1]))
        return Markup("from {} to {} points").format(low, high)
    groups = groupby(gaps, key=lambda each: each.comparison.model)
    return Markup("; ").join(_name_group(model, list(each), figures) for model, each in groups)


def _can_be_named(gaps: Sequence[PlacedGap]) -> bool:
    models = dict.fromkeys(each.comparison.model for each in gaps)
    letters = sum(map(len, models)) + sum(len(each.cell) for each in gaps)
    return len(gaps) <= _MOST_NAMED and letters <= _MOST_LETTERS


def _name_group(model: str, gaps: Iterable[PlacedGap], figures: Figures) -> Markup:
    sizes = [
        write_sentence("{cell}{size}", cell=f"{each.cell} " if each.cell else "",
                       size=_size_gap(each, figures))
        for each in gaps
    ]  # fmt: skip
    return write_sentence("{model} {sizes}", model=name_model(model), sizes=join_words(sizes))


def _size_gap(placed: PlacedGap, figures: Figures) -> Markup:
    return figures.points(f"{placed.path}.estimate")


def _say_range_seen(gaps: Sequence[PlacedGap], figures: Figures) -> Markup:
    """Return which gaps would have been seen, where there is no evidence of any."""
    seen = [each for each in gaps if each.gap.detectable is not None and each.gap.detectable <= 1]
    if not seen:
        return Markup()
    ordered = sorted(seen, key=lambda each: each.gap.detectable or 0.0)
    low, high = (figures.size(f"{each.path}.detectable") for each in (ordered[0], ordered[-1]))
    if len(seen) == 1:
        return Markup(" One of {} points would have been seen four times in five.").format(low)
    return Markup(" Gaps of {} to {} points would have been seen four times in five.").format(
        low, high
    )
