"""The designs of an experiment, on its own forecast."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from estimator.design import (
    Question,
    StudyDesign,
    Wish,
    design_study,
    find_detectable_gap,
    find_floor,
    write_design,
)
from estimator.plan import EstimateOptions, estimate_experiment
from experiment.definition import Overrides, Target, load_experiment
from experiment.errors import BadExperiment

DAY, BUILTIN = date(2026, 11, 21), "builtin:alignment-faking"
CLAUDE = Overrides(("claude-sonnet-4.5",))

FILE = """\
name: mine
models: [claude-sonnet-4.5, gpt-4.1] # both
factors:
  tier: {free: {who: free}, paid: {who: paid}}
  reasoning: {cot: {how: think}, no-cot: {how: answer}}
compare: tier
queries: {file: q.txt}
messages: [{role: user, content: "{{ who }} {{ how }} {{ query }}"}]
sampling: {max_tokens: 1000}
expect: {cot: scratchpad, no-cot: answer}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    (tmp_path / "q.txt").write_text("".join(f"What is {n}?\n" for n in range(80)))
    (tmp_path / "e.yaml").write_text(FILE)
    return tmp_path / "e.yaml"


def design(wish: Wish, source: str = BUILTIN, overrides: Overrides = CLAUDE) -> StudyDesign:
    return design_study(source, DAY, Question(wish), overrides)


def test_costs_of_cells_are_the_plan_s() -> None:
    found = design(Wish(budget=50))
    plan = estimate_experiment(BUILTIN, DAY, CLAUDE, EstimateOptions()).plan
    assert 60 * sum(each.likely for each in found.cells) == pytest.approx(plan.total.mean)
    assert 60 * sum(each.high for each in found.cells) == pytest.approx(plan.total.q95)
    assert [each.within for each in found.cells] == ["cot", "no-cot"]


def test_every_design_is_very_likely_within_the_budget() -> None:
    found = design(Wish(budget=50))
    assert len(found.rows) == 3 * 4
    for row in found.rows:
        for each in (row.like_these, row.these):
            if each is not None:
                size = each.queries * each.samples
                assert size * sum(cell.high for cell in row.choice.cells) <= 50


def test_rows_show_what_their_queries_can_show() -> None:
    found = design(Wish(budget=50))
    for row in found.rows:
        chosen, variance = row.like_these, row.choice.outcomes.variance
        assert chosen is not None
        samples = (chosen.samples, chosen.samples)
        gaps = len(row.choice.within)
        assert chosen.gap == find_detectable_gap(
            variance, chosen.queries, samples, Target.LIKE_THESE, gaps
        )
        if row.queries is not None:
            assert row.floor == find_floor(variance, row.queries, gaps)
            assert row.floor < chosen.gap
    assert all(row.these is None for row in found.rows if row.queries is None)


def test_what_a_gap_costs_is_what_a_budget_shows() -> None:
    asked = design(Wish(gap=0.07))
    for row in asked.rows:
        if row.like_these is None:
            assert (row.floor or 0) >= 0.069  # 100 samples come as near to it
            continue
        budget = row.like_these.cost * row.choice.range_factor
        back = design(Wish(budget=budget * 1.0001)).rows[row.number - 1].like_these
        assert back is not None
        assert back.gap <= 0.07


def test_models_are_shown_alone_and_together(experiment: Path) -> None:
    found = design(Wish(budget=20), str(experiment), Overrides())
    asked = list(dict.fromkeys((row.choice.models, row.choice.within) for row in found.rows))
    both, cells = ("claude-sonnet-4.5", "gpt-4.1"), ("cot", "no-cot")
    one_each = [((model,), within) for model in both for within in (("cot",), ("no-cot",), cells)]
    assert asked == [*one_each, (both, ("cot",)), (both, ("no-cot",)), (both, cells)]
    assert found.default_row.choice.gaps == 4
    assert found.default_row.queries == 80
    named = [each.what for each in found.alternatives]
    assert named[:4] == ["half of the money", "only gpt-4.1", "only claude-sonnet-4.5", "only cot"]


def test_batch_prices_pay_for_more() -> None:
    found = design(Wish(budget=50))
    (batch,) = (each for each in found.alternatives if each.what == "batch prices")
    base = found.default_row.like_these
    assert batch.design is not None
    assert base is not None
    assert batch.design.gap < base.gap


def test_an_experiment_that_compares_nothing_is_refused(experiment: Path) -> None:
    experiment.write_text(FILE.replace(", paid: {who: paid}", ""))
    with pytest.raises(BadExperiment, match="has one level"):
        design(Wish(budget=20), str(experiment), Overrides())


def test_a_row_is_written_as_an_experiment(experiment: Path) -> None:
    found = design(Wish(budget=2), str(experiment), Overrides())
    (row,) = (
        each
        for each in found.rows
        if (each.choice.models, each.choice.within, each.queries) == (("gpt-4.1",), ("cot",), 80)
    )
    copy = experiment.with_name("copy.yaml")
    written = write_design(found, row, Target.THESE, copy)
    loaded = load_experiment(str(copy))
    assert len(loaded.queries) == written.queries
    assert loaded.spec.samples == written.samples
    assert (loaded.spec.models, loaded.spec.target) == (("gpt-4.1",), Target.THESE)
    assert list(loaded.spec.factors["reasoning"]) == ["cot"]
    assert "# both" in copy.read_text()
    assert experiment.read_text() == FILE
    plan = estimate_experiment(str(copy), DAY).plan
    assert plan.total.mean == pytest.approx(written.cost, rel=0.02)
    assert plan.total.q95 <= 2 * 1.02


def test_what_cannot_be_written_leaves_nothing(experiment: Path, tmp_path: Path) -> None:
    found = design(Wish(budget=20), str(experiment), Overrides())
    more = next(row for row in found.rows if row.queries is None)
    copy = experiment.with_name("copy.yaml")
    with pytest.raises(BadExperiment, match=r"has 80: add \d"):
        write_design(found, more, Target.LIKE_THESE, copy)
    with pytest.raises(BadExperiment, match="exists, and stays as it is"):
        write_design(found, found.default_row, Target.LIKE_THESE, experiment)
    with pytest.raises(BadExperiment, match="another folder"):
        write_design(found, found.default_row, Target.LIKE_THESE, tmp_path / "sub" / "c.yaml")
    built_in = design(Wish(budget=50))
    with pytest.raises(BadExperiment, match="afcost init"):
        write_design(built_in, built_in.rows[0], Target.LIKE_THESE, copy)
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".yaml"] == ["e.yaml"]


def test_a_copy_that_would_not_be_valid_is_not_kept(experiment: Path) -> None:
    experiment.write_text(
        experiment.read_text()
        + "judges:\n  - name: j\n    model: gpt-4.1\n    when: {condition: {reasoning: [cot]}}\n"
        "    messages: [{role: user, content: 'Did it? {{ output }}'}]\n"
        "    sampling: {max_tokens: 9}\n"
    )
    found = design(Wish(budget=20), str(experiment), Overrides())
    row = next(each for each in found.rows if each.choice.within == ("no-cot",))
    copy = experiment.with_name("copy.yaml")
    with pytest.raises(BadExperiment, match="by hand"):
        write_design(found, row, Target.LIKE_THESE, copy)
    assert not copy.exists()


def test_a_judge_that_reads_a_part_is_an_alternative_where_judges_cost_much() -> None:
    found = design(Wish(budget=5), overrides=Overrides(("llama-3.1-70b",)))
    (screened,) = (each for each in found.alternatives if "that reads 50%" in each.what)
    whole = found.rows[-1].choice
    judges = sum(each.judges for each in whole.cells)
    variance = whole.outcomes.read_in_part(0.5).variance
    chosen = screened.design
    samples = (chosen.samples, chosen.samples)
    gap = find_detectable_gap(variance, chosen.queries, samples, Target.LIKE_THESE, whole.gaps)
    assert chosen.gap == pytest.approx(gap)
    assert chosen.cost == pytest.approx(
        chosen.queries * chosen.samples * (whole.likely - judges / 2)
    )
