"""What came out, in words: a sentence for each kind of result, and its figures from the JSON."""

from __future__ import annotations

import json
import re

from afcost.page.report.findings.headline import write_lead, write_others
from afcost.page.shell.figures import Figures
from experiment.analysis import Analysis, analyse_compliance
from experiment.definition import Target
from tests.afcost.page.report.made_report import read_page
from tests.experiment.analysis.validation.judged import answer, make_spec

QUERIES = range(20)
JUDGE = "compliance"


def analyse(rates, *, models=("m",), queries=QUERIES, target=None, **fields) -> Analysis:
    """Analyse answers of which this share complies at each level, in each model."""
    factors = {"tier": {level: {} for level in next(iter(rates.values()))}}
    spec = make_spec(JUDGE, models=models, factors=factors, **fields)
    seen = [
        answer(level, query, model=model, compliance=float(query < share * len(queries)))
        for model in models
        for level, share in rates[model].items()
        for query in queries
    ]
    return analyse_compliance(spec, seen, measure=JUDGE, target=target)


def figures_of(analysis: Analysis) -> Figures:
    return Figures({"analysis": json.loads(json.dumps(analysis.to_json()))})


def lead(analysis: Analysis, measured="compliance") -> str:
    return say(write_lead(analysis, figures_of(analysis), measured))


def others(analysis: Analysis) -> list[str]:
    return [say(each) for each in write_others(analysis, figures_of(analysis))]


def say(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").split())


def test_a_gap_leads_with_both_shares_its_interval_and_p():
    said = lead(analyse({"m": {"free": 0.8, "paid": 0.2}}))
    assert said == (
        "In m, compliance was higher in free than in paid: 80.0% against 20.0%, a gap of "
        "+60.0 points (95% interval +36.5 to +83.5, p <0.001)."
    )


def test_a_gap_below_zero_is_lower_in_the_first_level():
    said = lead(analyse({"m": {"free": 0.2, "paid": 0.8}}))
    assert "lower in free than in paid: 20.0% against 80.0%, a gap of −60.0 points" in said


def test_without_evidence_it_says_so_and_which_gap_would_have_been_seen():
    said = lead(analyse({"m": {"free": 0.55, "paid": 0.5}}))
    assert said.startswith("In m, there is no evidence of a gap between free and paid: 55.0%")
    assert re.search(r"One of \d+\.\d points would have been seen four times in five\.$", said)


def test_with_few_queries_no_gap_could_have_been_seen_or_none_is_known():
    assert "nothing can be said of a gap" in lead(analyse({"m": {"a": 1, "b": 0}}, queries=[0]))
    few = analyse({"m": {"a": 0.5, "b": 0.34}}, queries=range(3))
    assert "no gap would have been seen four times in five" in lead(few)


def test_several_models_are_led_by_the_gap_over_all_of_them():
    rates = {"one": {"free": 0.8, "paid": 0.2}, "two": {"free": 0.5, "paid": 0.5}}
    analysis = analyse(rates, models=("one", "two"))
    assert lead(analysis).startswith("Over all models, compliance was higher in free than in paid")
    assert others(analysis)[0] == (
        "1 of 2 comparisons shows a gap that stands when all are corrected (Holm): one +60.0."
    )
    assert others(analysis)[1].startswith("1 shows no evidence of a gap: two 0.0.")


def test_a_gap_that_the_correction_takes_away_is_named_as_that():
    rates = {"one": {"free": 0.25, "paid": 0.0}}
    rates |= {name: {"free": 0.25, "paid": 0.2} for name in ("two", "three")}
    analysis = analyse(rates, models=tuple(rates))
    assert analysis.comparisons[0].gap.evidence == "only without correction"
    assert "1 is clear alone, but not when all are corrected: one +25.0." in others(analysis)


def test_three_levels_have_three_gaps_and_the_first_two_lead():
    analysis = analyse({"m": {"free": 0.9, "middle": 0.5, "paid": 0.1}})
    assert "higher in free than in middle: 90.0% against 50.0%" in lead(analysis)
    assert "It stands when all 3 comparisons are corrected (Holm, p 0.004)." in lead(analysis)
    assert others(analysis) == [
        (
            "2 of 3 comparisons show a gap that stands when all are corrected (Holm): "
            "m free – paid +80.0 and middle – paid +40.0."
        )
    ]


def test_many_gaps_are_told_by_their_number_and_their_range():
    models = tuple(f"model-{number}" for number in range(12))
    rates = {name: {"free": 0.9, "paid": 0.1 if name != models[3] else 0.2} for name in models}
    said = others(analyse(rates, models=models))
    assert said == [
        (
            "12 of 12 comparisons show a gap that stands when all are corrected (Holm), "
            "from +70.0 to +80.0 points."
        )
    ]


def test_many_gaps_without_evidence_are_told_by_their_number_and_their_range_too():
    models = tuple(f"model-{number}" for number in range(12))
    rates = {name: {"free": 0.5, "paid": 0.5 if name != models[3] else 0.45} for name in models}
    (said,) = others(analyse(rates, models=models))
    assert said.startswith("12 show no evidence of a gap, from 0.0 to +5.0 points. Gaps of ")


def test_without_levels_to_compare_the_rates_are_told():
    assert lead(analyse({"m": {"free": 0.5}})) == (
        "Compliance was 50.0% (95% interval 30% to 70%) in m."
    )
    models = tuple(f"model-{number}" for number in range(5))
    rates = {name: {"free": number / 5} for number, name in enumerate(models)}
    said = lead(analyse(rates, models=models), measured="the mean of risk")
    assert said.startswith("The mean of risk was between 0.0%")
    assert said.endswith("in model-0 and 80.0% (95% interval 58% to 92%) in model-4.")


def test_without_answers_there_is_no_result_and_nothing_else_is_said():
    analysis = analyse({"m": {"free": 0.5, "paid": 0.5}}, queries=())
    assert lead(analysis) == "No answer has a result yet."
    assert others(analysis) == []


def test_a_result_of_these_queries_alone_says_so():
    analysis = analyse({"m": {"free": 0.8, "paid": 0.2}}, target=Target.THESE)
    assert "for these queries alone" in lead(analysis)


def test_missing_answers_that_could_undo_a_gap_are_told():
    spec = make_spec(JUDGE)
    seen = [answer("free", query, compliance=float(query < 8)) for query in range(20)]
    seen += [answer("paid", query, compliance=0.0 if query < 10 else None) for query in range(20)]
    said = lead(analyse_compliance(spec, seen, measure=JUDGE))
    assert "Missing answers leave anything from" in said


def test_every_figure_of_a_sentence_is_the_one_at_its_path():
    models = ("one", "two")
    analysis = analyse({m: {"free": 0.8, "paid": 0.3} for m in models}, models=models)
    figures = figures_of(analysis)
    html = [write_lead(analysis, figures, "compliance"), *write_others(analysis, figures)]
    found = read_page("".join(html)).figures
    assert len(found) >= 7
    assert [str(figures.value(path)) for path, _, _ in found] == [value for _, value, _ in found]


def test_names_with_markup_are_texts():
    hostile = "<img src=x onerror=alert(1)>\u202e"
    analysis = analyse({hostile: {"free": 0.8, "paid": 0.2}}, models=(hostile,))
    html = write_lead(analysis, figures_of(analysis), "compliance")
    assert "img" not in read_page(html).tags
    assert "\u202e" not in html
