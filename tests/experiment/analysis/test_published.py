"""Published figures: put in as answers, they give the published gaps; each is where it belongs."""

from __future__ import annotations

from datetime import date

import pytest

from experiment.analysis.compliance import analyse_compliance
from experiment.analysis.published import _read_file
from tests.experiment.analysis.test_compliance import measuring, seen, spec

TIERS = {"free": {}, "paid": {}}
STYLES = {"cot": {}, "no-cot": {}}
FACTORS = {"tier": TIERS, "reasoning": STYLES}
QUERIES = 1_000  # so that a tenth of a percent is one answer
ROWS = _read_file()["refusals"]


def is_same(written: str, published: str) -> bool:
    return written == published


def answer(rows) -> list:
    """Make the answers of which a row's share is refused."""
    return [
        seen(
            tier,
            query,
            query >= round(row[tier] * QUERIES / 100),
            model=row["model"],
            reasoning=row["reasoning"],
        )
        for row in rows
        for tier in TIERS
        for query in range(QUERIES)
    ]


def test_the_published_table_put_in_as_data_gives_the_published_gaps():
    models = list(dict.fromkeys(row["model"] for row in ROWS))
    made = spec(factors=FACTORS, models=models)
    analysis = analyse_compliance(made, answer(ROWS), is_model=is_same)
    assert len(analysis.comparisons) == len(ROWS) == 12
    published = {(row["model"], row["reasoning"]): row for row in ROWS}
    for comparison in analysis.comparisons:
        row = published[comparison.model, comparison.within]
        assert comparison.gap.estimate == pytest.approx(row["gap"] / 100, abs=1e-9)
        assert [1 - rate.compliance for rate in comparison.rates] == pytest.approx(
            [row["free"] / 100, row["paid"] / 100]
        )
        (beside,) = (
            each
            for each in analysis.published
            if (each.model, each.within) == (comparison.model, comparison.within) and each.refusals
        )
        assert beside.gap == pytest.approx(row["gap"] / 100)
        assert beside.refusals == (row["free"] / 100, row["paid"] / 100)
        assert beside.condition == f"helpful-only, {comparison.within}"


def find(factors, model="llama-3.1-8b", **options):
    made = spec(factors=factors, models=[model])
    return analyse_compliance(made, [], is_model=is_same, **options).published


def test_a_figure_is_shown_where_no_level_says_otherwise():
    both = find({"tier": TIERS})
    assert [each.condition for each in both] == ["helpful-only, cot", "helpful-only, no-cot"]
    assert [each.condition for each in find({"tier": TIERS, "reasoning": {"no-cot": {}}})] == [
        "helpful-only, no-cot"
    ]
    assert find({"tier": TIERS, "setting": {"animal-welfare": {}}}) == ()
    assert len(find({"tier": TIERS, "paraphrase": {"1": {}, "2": {}}})) == 4


def test_a_level_is_known_by_other_words_and_an_unknown_one_has_no_figure():
    (figure,) = find({"who": {"Training": {}, "unmonitored": {}}, "how": {"scratchpad": {}}})
    assert figure.gap == pytest.approx(-0.023)
    assert find({"tier": {"pro": {}, "paid": {}}}) == ()
    assert find({"tone": {"kind": {}, "curt": {}}}) == ()


def test_of_three_tiers_only_the_two_that_are_published_have_a_figure():
    tiers = {"free": {}, "pro": {}, "paid": {}}
    found = find({"tier": tiers, "reasoning": {"cot": {}}})
    assert [each.between for each in found] == [("free", "paid")]


def test_levels_in_another_order_turn_the_published_gap_around():
    found = find({"tier": {"paid": {}, "free": {}}, "reasoning": {"cot": {}}}, "claude-3-opus")
    assert [each.gap for each in found] == [pytest.approx(-0.055)]


def test_reasoning_can_be_compared_with_what_is_published_of_it():
    found = find(FACTORS, "claude-3.5-sonnet", compare="reasoning")
    assert [(each.within, each.condition, each.gap) for each in found] == [
        ("free", "helpful-only, free", pytest.approx(0.28 - 0.62)),
        ("paid", "helpful-only, paid", pytest.approx(0.91 - 0.83)),
    ]


def test_a_gap_that_is_published_without_rates_is_said_in_words():
    found = find({"tier": TIERS, "reasoning": {"cot": {}}}, "grok-3")
    assert [(each.refusals, each.gap, each.source) for each in found] == [
        (None, None, "Sheshadri et al. 2025")
    ]
    assert "above 1 pp" in found[0].says


def test_a_figure_of_changed_weights_says_so_and_one_of_the_plain_model_does_not():
    (changed,) = find({"tier": TIERS, "reasoning": {"cot": {}}}, "llama-3.3-70b")
    assert changed.variant == "with an adapter trained on synthetic documents"
    plain = find({"tier": TIERS, "reasoning": {"cot": {}}}, "grok-3")
    assert {each.variant for each in plain} == {""}


def test_other_models_and_other_outcomes_have_no_figures():
    assert find(FACTORS, "gpt-5") == ()
    made = measuring("alignment-faking", factors=FACTORS, models=["llama-3.1-8b"])
    analysis = analyse_compliance(made, answer(ROWS), measure="compliance", is_model=is_same)
    assert (analysis.outcome, analysis.published) == ("alignment-faking", ())
    assert {each.refusal for each in analysis.rates} == {None}


def test_every_row_has_a_source_with_a_day_and_agrees_with_itself():
    data = _read_file()
    for source in data["sources"].values():
        assert isinstance(source["read"], date)
        assert source["published"] is None or isinstance(source["published"], date)
        assert all(source[field] for field in ("name", "title", "where", "how"))
    for row in [*data["refusals"], *data["gaps"]]:
        assert row["source"] in data["sources"]
        assert row.get("setting", "helpful-only") in data["words"]["setting"]
        assert row.get("reasoning", "cot") in data["words"]["reasoning"]
    for row in ROWS:
        assert row["paid"] - row["free"] == pytest.approx(row["gap"])
        assert 0 <= row["free"] <= 100 >= row["paid"] >= 0
