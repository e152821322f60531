"""An estimate is made again only where answers were found that it can rest on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afcost.commands.planning import estimation, pages
from estimator.plan import estimate_experiment
from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour


@pytest.fixture
def made(monkeypatch):
    """Count how often an estimate is made."""
    calls = []

    def count(*arguments, **options):
        calls.append(options)
        return estimate_experiment(*arguments, **options)

    monkeypatch.setattr(estimation, "estimate_experiment", count)
    return calls


def test_it_is_made_again_only_where_there_are_answers(afcost, server, tmp_path, made):
    server.reset(Behaviour(wordy=True, input_tokens="counted", output_tokens=12))
    sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", queries=2)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    assert len(made) == 1
    Path("runs").mkdir()
    afcost("estimate", "e/experiment.yaml", "-o", "none.json", "--no-cache")
    assert len(made) == 2
    afcost("estimate", "e/experiment.yaml", "--requests", "all.csv")
    assert len(made) == 4  # what is written is priced by the answers, if any
    first, again = (json.loads(Path(name).read_text()) for name in ("plan.json", "none.json"))
    assert first == again

    afcost("approve", "plan.json", "--cap", "1", "--yes")
    afcost("run", "plan.json")
    afcost("estimate", "e/experiment.yaml", "-o", "found.json")
    assert len(made) == 6
    assert {s["basis"] for s in json.loads(Path("found.json").read_text())["strata"]} == {"pilot"}


def test_what_money_would_show_rests_on_the_same_answers(afcost, server, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(
        pages,
        "render_estimate_page",
        lambda found, _, design, *__: shown.append((found, design)) or "",
    )
    server.reset(Behaviour(wordy=True, input_tokens="counted", output_tokens=12))
    sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", queries=2)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    afcost("run", "plan.json")
    afcost("estimate", "e/experiment.yaml", "--html", "page.html")
    afcost("estimate", "e/experiment.yaml", "--html", "page.html", "--no-history")
    (found, design), (_, guessed) = shown
    assert set(design.bases.values()) == {("history",)}
    assert set(guessed.bases.values()) == {("prior",)}
    # All answers are there, so the plan costs what they did; another design would pay them again.
    paid = len(found.experiment.queries) * sum(each.likely for each in design.cells)
    assert paid == pytest.approx(found.plan.total.mean, rel=0.05)
