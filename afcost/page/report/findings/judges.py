"""Can the measure be trusted? The proxy against the judge, the judges against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Row, Scale
from afcost.page.charts.ticks import find_ticks
from afcost.page.report.findings.gap_chart import group_rows
from afcost.page.report.findings.labels import compose_labels
from afcost.page.report.findings.measures import compose_measures
from afcost.page.report.findings.places import name_model
from afcost.page.report.findings.rows import draw_rows
from afcost.page.report.findings.tables import Cell, Content, PageTable, link_count
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import NONE
from afcost.page.shell.sections import PageSection
from afcost.page.shell.sentences import write_sentence
from afcost.page.transcripts.links import link_answers
from afcost.rendering.report.findings.judge_sections import describe_agreement
from experiment.analysis import Rate
from experiment.analysis.validation import Confusion
from experiment.definition import COMPLIANCE, PROXY

_PAIR = ["pair", "model", "both", "neither", "only the one", "only the other", "false pos.",
         "95% interval", "false neg.", "95% interval", "kappa"]  # fmt: skip
_NAMES, _PAIR_NAMES = 130, 200  # pixels, that names may have
_LABELS = 4  # steps of an axis at most, so that its labels have room on a phone
_CASES = ("both_positive", "only_tested", "only_reference", "both_negative")


@dataclass(frozen=True, slots=True)
class Square:
    """The proxy against the judge in one model: how many answers each of the four cases has."""

    model: str
    texts: int
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A confusion matrix, with its path in the report's JSON."""

    path: str
    found: Confusion


def compose_judges(page: ReportPage) -> PageSection | None:
    """Return the section; None where there is nothing to hold against each other."""
    placed = _list_confusions(page)
    labels = compose_labels(page)
    ways = compose_measures(page)
    if not placed and labels is None and not ways:
        return None
    main = [each for each in placed if _is_proxy_against_measure(page, each)]
    charts: dict[str, Chart | None] = {
        "false_positives": _draw_errors("false-positives", main, "false_positive_rate"),
        "false_negatives": _draw_errors("false-negatives", main, "false_negative_rate"),
    }
    charts["kappa"] = _draw_kappa([each.found for each in placed if not each.found.condition])
    charts |= {f"ways_{number}": each.chart for number, each in enumerate(ways)}
    return PageSection(
        "judges",
        "Judges",
        "report/judges.html.j2",
        {
            "measure": page.report.analysis.measure,
            "sides": _name_sides(page),
            "squares": [_make_square(page, each) for each in main if not each.found.condition],
            "selected": next((each.found.selected for each in main if each.found.selected), ""),
            "pairs": _build_pairs(page, placed),
            "errors": _write_errors(page, main),
            "agreement": describe_agreement(page.report.validation),
            "ways": ways,
            "labels": labels,
            "differ": _link_differing(page),
        },
        {name: chart for name, chart in charts.items() if chart},
    )


def _list_confusions(page: ReportPage) -> list[_Placed]:
    found = enumerate(page.report.validation.confusion)
    return [_Placed(f"analysis.judges.confusion.{at}", each) for at, each in found if each.texts]


def _is_proxy_against_measure(page: ReportPage, each: _Placed) -> bool:
    return (each.found.tested, each.found.reference) == (PROXY, page.report.analysis.measure)


def _write_errors(page: ReportPage, main: Sequence[_Placed]) -> Markup:
    """Return how often the proxy errs over all answers; empty where the judge cannot say that."""
    whole = [each for each in main if not each.found.condition][-1:]
    if not whole or whole[0].found.selected:
        return Markup()
    placed, figures = whole[0], page.figures
    yes, no = _name_sides(page)
    return write_sentence(
        "The proxy accepts {false} of what {judge} calls {no}, and rejects {missed} of what it "
        "calls {yes}; beyond chance they agree with a kappa of {kappa}.",
        false=figures.percent(f"{placed.path}.false_positive_rate.estimate"),
        missed=figures.percent(f"{placed.path}.false_negative_rate.estimate"),
        kappa=figures.number(f"{placed.path}.kappa.value"),
        judge=placed.found.reference,
        yes=yes,
        no=no,
    )


def _is_compliance(page: ReportPage) -> bool:
    return page.report.analysis.outcome == COMPLIANCE


def _name_sides(page: ReportPage) -> tuple[str, str]:
    """Return what a judge calls an answer that counts, and one that does not."""
    return ("complied", "refused") if _is_compliance(page) else ("positive", "negative")


def _make_square(page: ReportPage, placed: _Placed) -> Square:
    cells = {case: _make_case(page, placed, case) for case in _CASES}
    return Square(name_model(placed.found.model), placed.found.texts, cells)


def _make_case(page: ReportPage, placed: _Placed, case: str) -> Cell:
    """Return how many answers are of a case; unknown where the judge reads none of them."""
    found = placed.found
    count = getattr(found, case)
    if _is_unread(found, case):
        return Cell(NONE, "zero")
    shown = page.figures.count(f"{placed.path}.{case}")
    css = "bad" if count and case.startswith("only") else ""
    return Cell(link_count(shown, _link_case(page, found, case), "show them"), css)


def _is_unread(found: Confusion, case: str) -> bool:
    """Return whether a judge that reads selected answers alone reads none of a case."""
    is_empty = bool(found.selected) and not getattr(found, case)
    return is_empty and case in ("only_reference", "both_negative")


def _link_case(page: ReportPage, found: Confusion, case: str) -> str | None:
    if not page.has_transcripts:
        return None
    yes, no = _name_sides(page)
    by_proxy = "accepted" if case in ("both_positive", "only_tested") else "rejected"
    by_judge = yes if case in ("both_positive", "only_reference") else no
    return link_answers(
        model=found.model, kind="text", proxy=by_proxy, labels={found.reference: by_judge}
    )


def _draw_errors(name: str, placed: Sequence[_Placed], which: str) -> Chart | None:
    """Return the rate of one kind of error, in each model and condition."""
    conditions = {each.found.condition for each in placed if each.found.condition}
    shown = [each.found for each in placed if bool(each.found.condition) == (len(conditions) > 1)]
    shown = [each for each in shown if each.model]
    rates = [(each, getattr(each, which)) for each in shown]
    known = [rate for _, rate in rates if rate.estimate is not None]
    if not known:
        return None
    rows = group_rows([(each.model, _make_error_row(each, rate)) for each, rate in rates])
    top = max(max(rate.estimate or 0.0, rate.high or 0.0) for rate in known)
    ticks = [tick for tick in find_ticks(0, max(top, 0.1), _LABELS) if tick <= 1]
    scale = Scale(0, max(ticks[-1], top), ticks, ".0%")
    return draw_rows(name, rows, scale, (_NAMES, _NAMES))


def _make_error_row(found: Confusion, rate: Rate) -> Row:
    name = found.condition or "all"
    if rate.estimate is None:
        return Row(name, text="none to err on")
    counts = f"{rate.count:,} of {rate.of:,}"
    bounds = ""
    if rate.low is not None and rate.high is not None:
        bounds = f"\n95% interval {rate.low:.0%} to {rate.high:.0%}"
    return Row(
        name,
        value=rate.estimate,
        low=rate.low,
        high=rate.high,
        text=counts,
        tip=f"{found.model}, {name}: {rate.estimate:.1%}, {counts}{bounds}",
    )


def _draw_kappa(found: Sequence[Confusion]) -> Chart | None:
    """Return Cohen's kappa of each pair of measures, in each model and over all."""
    rows = group_rows([
        (f"{each.tested} and {each.reference}", _make_kappa_row(each))
        for each in found
        if each.kappa.value is not None
    ])  # fmt: skip
    values = [each.value for each in rows if each.value is not None]
    if not values:
        return None
    ticks = find_ticks(min(*values, 0), 1, _LABELS)
    scale = Scale(ticks[0], 1, ticks, ".1f", zero=0 if ticks[0] < 0 else None)
    return draw_rows("kappa", rows, scale, (_PAIR_NAMES, _NAMES))


def _make_kappa_row(found: Confusion) -> Row:
    kappa, name = found.kappa.value or 0.0, name_model(found.model)
    return Row(
        name,
        value=kappa,
        text=f"{kappa:z.2f}",
        tip=f"{found.tested} and {found.reference}, {name}: kappa {kappa:z.2f}\n"
        f"{found.kappa.answers:,} answers that both read",
    )


def _build_pairs(page: ReportPage, placed: Sequence[_Placed]) -> PageTable | None:
    """Return all pairs of measures, in each model and over all."""
    rows = [_make_pair(page, each) for each in placed if not each.found.condition]
    label = "Table of measures against each other"
    return PageTable(label, _PAIR, rows, 2) if rows else None


def _make_pair(page: ReportPage, placed: _Placed) -> list[Content | Cell]:
    found, figures = placed.found, page.figures
    counts: list[Content | Cell] = [
        _make_case_of_pair(page, placed, case)
        for case in ("both_positive", "both_negative", "only_tested", "only_reference")
    ]
    errors = [
        cell
        for which in ("false_positive_rate", "false_negative_rate")
        for cell in _write_error(page, f"{placed.path}.{which}")
    ]
    kappa = figures.number(f"{placed.path}.kappa.value")
    name = f"{found.tested} against {found.reference}"
    return [name, name_model(found.model), *counts, *errors, kappa]


def _make_case_of_pair(page: ReportPage, placed: _Placed, case: str) -> Content | Cell:
    count = getattr(placed.found, case)
    if _is_unread(placed.found, case):
        return Cell(NONE, "zero")
    return Cell(page.figures.count(f"{placed.path}.{case}"), "" if count else "zero")


def _write_error(page: ReportPage, path: str) -> Iterator[Content | Cell]:
    yield page.figures.percent(f"{path}.estimate")
    yield page.figures.range(path)


def _link_differing(page: ReportPage) -> list[tuple[str, str]]:
    """Return links to the answers on which two measures differ, each with its words."""
    if not page.has_transcripts:
        return []
    pairs = dict.fromkeys(
        (each.found.tested, each.found.reference)
        for each in _list_confusions(page)
        if each.found.only_tested or each.found.only_reference
    )
    return [
        (link_answers(differ=pair), f"answers on which {pair[0]} and {pair[1]} differ")
        for pair in pairs
    ]
