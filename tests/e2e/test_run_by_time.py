"""`run --by TIME`: batches or calls, whichever are done by then."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.deadline import choose_run_by
from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

OWN = "own.yaml"


@pytest.fixture
def lab(server, tmp_path, monkeypatch):
    """Return a lab with an approved plan of calls to OpenAI's model at the test provider."""
    server.reset(Behaviour(output_tokens=20))
    lab = Lab(tmp_path)
    (tmp_path / "q.txt").write_text("one\ntwo\n")
    (tmp_path / OWN).write_text(
        "name: own\nmodels: [openai/gpt-4o-mini]\nqueries: {file: q.txt}\n"
        "sampling: {max_tokens: 50}\nmessages: [{role: user, content: '{{ query }}'}]\n"
        f"providers: {{openai: {{base_url: '{server.url}/v1'}}}}\n"
    )
    lab.plan(OWN)
    lab.afcost(*("approve", "plan.json", "--cap", "1", "--yes"), "--trust", "openai=OPENAI_API_KEY")
    monkeypatch.chdir(tmp_path)
    for name, value in lab.environment().items():
        monkeypatch.setenv(name, value)
    return lab


def choose(by: timedelta) -> frozenset[str]:
    now = datetime.now().astimezone()
    return choose_run_by(Path("plan.json"), now + by, now, None, None, 10).batched


@pytest.mark.usefixtures("lab")
def test_models_are_batched_where_that_is_done_in_time() -> None:
    assert choose(timedelta(days=9)) == {"openai/gpt-4o-mini"}
    assert choose(timedelta(hours=2)) == frozenset()


def test_a_run_that_has_no_time_for_batches_sends_calls(lab, server) -> None:
    done = lab.afcost("run", "plan.json", "--by", "2h")
    assert "calls openai/gpt-4o-mini" in done.stderr
    assert len(server.bill().calls) == 2


def test_what_cannot_be_done_is_refused_and_nothing_is_sent(lab, server) -> None:
    said = lab.afcost("run", "plan.json", "--by", "0.01m", ends=3).stderr
    assert "nothing is likely done by then" in said
    assert not server.bill().calls
    assert not (lab.folder / "runs").exists()


def test_it_does_not_take_another_way_to_choose(lab) -> None:
    lab.afcost("run", "plan.json", "--by", "9d", "--batch", ends=2)
