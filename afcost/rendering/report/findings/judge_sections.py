"""Judges against each other: confusion matrices, agreement, and the gap by each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from afcost.rendering.report.blocks import Block, Paragraph, Section, Table
from afcost.rendering.report.findings.figures import NONE, format_error_rate, name_outcome
from experiment.analysis import AS_IN_FILE, find_outcome, format_points
from experiment.definition import PROXY
from runner.results import Report

if TYPE_CHECKING:
    from experiment.analysis.validation import (
        Confusion,
        GroupAgreement,
        JudgesCompared,
        MeasuredGap,
    )

_CONFUSION = ["both", "neither", "only one", "false pos.", "false neg.", "kappa"]
_PAIRS = (
    "one against another, as if the other were right, with 95% intervals",
    "only one: positive by the one alone / by the other alone",
)
_WEIGHTED = (
    "both, neither, only one: texts that both read; rates, kappa and alpha are weighted, because a "
    "judge reads only a share of some texts"
)


def compose_judges(report: Report) -> list[Section]:
    """Return the sections that hold judges against each other; none where there is one measure."""
    blocks = [*_build_matrices(report), *_build_agreement(report.validation)]
    sections = [Section("judges against each other", tuple(blocks))] if blocks else []
    return [*sections, *_compose_gaps(report)]


def _build_matrices(report: Report) -> list[Block]:
    """Return a table of the proxy against the judge that measures, and one of all other pairs."""
    found = [each for each in report.validation.confusion if each.texts]
    measure = report.analysis.measure
    one_condition = len({each.condition for each in report.analysis.rates}) == 1
    pairs = [each for each in found if {each.tested, each.reference} == {PROXY, measure}]
    main = [each for each in pairs if each.condition or not each.model or not one_condition]
    others = [each for each in found if each not in pairs and not each.condition]
    blocks: list[Block] = []
    if main:
        rows = [[*_name_place(each), *_format_confusion(each)] for each in main]
        blocks += [_explain_matrix(main[0]), Table(["model", "condition", *_CONFUSION], rows, 2)]
    if others:
        rows = [[*_name_pair(each), *_format_confusion(each)] for each in others]
        blocks += [Paragraph(_PAIRS, quiet=True), Table(["pair", "model", *_CONFUSION], rows, 2)]
    named = {name for each in found for name in (each.tested, each.reference)}
    if any(judge.reads_a_share and judge.name in named for judge in report.run_folder.spec.judges):
        blocks.append(Paragraph((_WEIGHTED,), quiet=True))
    return blocks


def _name_pair(each: Confusion) -> list[str]:
    return [f"{each.tested} against {each.reference}", each.model or "all"]


def _name_place(each: Confusion) -> list[str]:
    return [each.model or "all models", each.condition or "all"]


def _explain_matrix(each: Confusion) -> Paragraph:
    tested, reference = each.tested, each.reference
    lines = (
        f"the {tested} against {reference}, as if {reference} were right, with 95% intervals",
        f"only one: positive by the {tested} alone / by {reference} alone",
    )
    return Paragraph(lines, quiet=True)


def _format_confusion(each: Confusion) -> list[str]:
    return [
        f"{each.both_positive:,}",
        _count_beyond(each, each.both_negative),
        f"{each.only_tested:,} / {_count_beyond(each, each.only_reference)}",
        format_error_rate(each.false_positive_rate),
        format_error_rate(each.false_negative_rate),
        NONE if each.kappa.value is None else f"{each.kappa.value:z.2f}",
    ]


def _count_beyond(each: Confusion, count: int) -> str:
    """Return how many of what the tested measure calls negative; unknown where none is read."""
    return NONE if each.selected and not count else f"{count:,}"


def _build_agreement(found: JudgesCompared) -> list[Block]:
    shown = describe_agreement(found)
    return [Paragraph(shown, quiet=True)] if shown else []


def describe_agreement(found: JudgesCompared) -> tuple[str, ...]:
    """Return what the alpha of several judges, and of votes, is; and why figures are not known."""
    lines = [
        describe_alpha(each for each in found.agreement if each.raters == raters)
        for raters in dict.fromkeys(each.raters for each in found.agreement)
    ]
    return (*lines, *_explain_missing_figures(found.confusion))


def _explain_missing_figures(found: Iterable[Confusion]) -> Iterator[str]:
    """Yield why a kappa is not defined, or an error not known, each reason once."""
    whole = [each for each in found if each.texts and not each.condition]
    yield from dict.fromkeys(
        f"{each.selected}: errors in the others are not known, and there is no kappa"
        for each in whole
        if each.selected
    )
    for each in whole:
        if each.kappa.undefined and not each.selected:
            where = each.model or "all models"
            yield f"{each.tested} and {each.reference}, {where}: no kappa, {each.kappa.undefined}"


def describe_alpha(found: Iterable[GroupAgreement]) -> str:
    """Return the alpha of the same raters, for each model and over all, as a sentence."""
    parts = []
    raters: tuple[str, ...] = ()
    for each in found:
        raters = each.raters
        where = each.model or "all"
        if each.alpha.value is None:
            parts.append(f"{where}: none, {each.alpha.undefined}")
        else:
            parts.append(f"{where} {each.alpha.value:z.2f} ({each.alpha.answers:,} answers)")
    return f"Krippendorff's alpha of {', '.join(raters)}: {'; '.join(parts)}"


def _compose_gaps(report: Report) -> list[Section]:
    """Return a section on the gap of each outcome by each measure and threshold of its votes.

    Returns:
        nothing of an outcome of which the result has all that there is.
    """
    gaps = [each for each in report.validation.sensitivity if each.estimate is not None]
    spec, measure = report.run_folder.spec, report.analysis.measure
    graded = {name for name, judge in report.judges.items() if judge.is_graded}
    outcomes: dict[str, list[MeasuredGap]] = {}
    for each in sorted(gaps, key=lambda gap: gap.measure != measure):
        outcomes.setdefault(find_outcome(spec, each.measure), []).append(each)
    return [
        Section(
            f"gap of {name_outcome(outcome)} in pp with 95% intervals, by {_name_ways(found)}",
            (_build_gap_table(found), _explain_thresholds(found, graded)),
        )
        for outcome, found in outcomes.items()
        if {(each.measure, each.counts) for each in found} != {(measure, AS_IN_FILE)}
    ]


def _name_ways(gaps: Sequence[MeasuredGap]) -> str:
    """Return by what the columns of a table of gaps differ."""
    measures = list(dict.fromkeys(each.measure for each in gaps))
    who = measures[0] if len(measures) == 1 else "judge"
    return f"{who} and threshold" if _list_voting(gaps) else who


def _explain_thresholds(gaps: Sequence[MeasuredGap], graded: Collection[str]) -> Paragraph:
    """Return what the columns of thresholds are, if there are any."""
    voting = _list_voting(gaps)
    parts = [
        f"the {what} of {' and '.join(names)}'s votes"
        for what, names in (
            ("share", [name for name in voting if name not in graded]),
            ("mean", [name for name in voting if name in graded]),
        )
        if names
    ]
    said = f"any to all: {', or '.join(parts)} from which an answer counts"
    return Paragraph((said,) if parts else (), quiet=True)


def _list_voting(gaps: Sequence[MeasuredGap]) -> list[str]:
    """Return the judges whose votes have thresholds."""
    return list(dict.fromkeys(each.measure for each in gaps if each.counts != AS_IN_FILE))


def _build_gap_table(gaps: Sequence[MeasuredGap]) -> Table:
    """Return a table with a column for each measure as in the file, and for each threshold."""
    ways = list(dict.fromkeys((each.measure, each.counts) for each in gaps))
    ways.sort(key=lambda way: way[1] != AS_IN_FILE)
    several = len({each.between for each in gaps}) > 1
    voting = len(_list_voting(gaps))
    by_place: dict[tuple[str, str, tuple[str, str]], dict[tuple[str, str], MeasuredGap]] = {}
    for each in gaps:
        place = each.model, each.within, each.between
        by_place.setdefault(place, {})[each.measure, each.counts] = each
    rows = [
        [
            *(model, within or "all", *(between if several else [])),
            *(_format(found.get(way)) for way in ways),
        ]
        for (model, within, between), found in by_place.items()
    ]
    levels = ["first", "second"] if several else []
    names = [
        measure if counts == AS_IN_FILE else f"{measure} {counts}" if voting > 1 else counts
        for measure, counts in ways
    ]
    return Table(["model", "condition", *levels, *names], rows, 2 + len(levels))


def _format(gap: MeasuredGap | None) -> str:
    """Return a gap, with its interval where it is by the file's own rule."""
    if gap is None or gap.estimate is None:
        return NONE
    estimate = format_points(gap.estimate)
    if gap.counts != AS_IN_FILE or gap.low is None or gap.high is None:
        return estimate
    return f"{estimate} ({gap.low * 100:+z.0f} to {gap.high * 100:+z.0f})"
