"""A provider that bills otherwise than we count: it is told, and learned where it is constant."""

from __future__ import annotations

import json

import pytest

from afcost.cli import run_cli
from estimator.counting.tokenizer import CountingMethod, build_tokenizer
from experiment.definition.loader import load_experiment
from experiment.prompts.request_builder import RequestBuilder
from tests.runner.sample_experiment import MODEL, write
from tests.support.provider.behaviour import Behaviour, prompt_key


@pytest.fixture
def folder(tmp_path, server, monkeypatch):
    """Return a folder with an experiment of 16 requests at that provider, and work in it."""
    write(tmp_path, queries=4, votes=0, base_url=f"{server.url}/v1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "own-home"))
    return tmp_path


@pytest.fixture
def afcost(folder, capsys):  # noqa: ARG001 - where it works
    """Run the command line in this process, which is quicker; give what it printed."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        code = run_cli(list(arguments))
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    return run


def bill(server, *extras: int) -> None:
    """Have every prompt billed so many tokens above its count, in turn; start a new bill."""
    count = build_tokenizer(MODEL, CountingMethod()).count
    requests = RequestBuilder(load_experiment("experiment.yaml"), lambda *_: False)
    table = {}
    for number, subject in enumerate(requests.all_subject_requests()):
        prompt = [message._asdict() for message in subject.messages]
        extra = extras[number % len(extras)]
        table[prompt_key(prompt)] = count(subject.messages).tokens + extra
    assert len(table) == 16
    server.reset(Behaviour(text="yes", output_tokens=4, input_tokens=table))


def run(afcost, name: str) -> dict:
    """Estimate, approve and run; give the report."""
    afcost("estimate", "experiment.yaml", "-o", f"{name}.json")
    afcost("approve", f"{name}.json", "--cap", "1", "--yes")
    afcost("run", f"{name}.json", "--run-dir", name)
    return json.loads(afcost("report", name, "--format", "json"))


def estimated(afcost) -> tuple[set[str], int, str]:
    """Return how prompts are counted now, their tokens, and what a reader is told of it."""
    found = json.loads(afcost("estimate", "experiment.yaml", "--format", "json"))
    exactness = {stratum["exactness"] for stratum in found["strata"]}
    return exactness, found["total"]["input_tokens"], afcost("estimate", "experiment.yaml")


def test_seven_tokens_above_every_count_are_learned_and_the_next_run_is_as_counted(afcost, server):
    exactness, plain, _ = estimated(afcost)
    assert exactness == {"exact"}
    bill(server, 7)
    (check,) = run(afcost, "first")["counts"].values()
    assert check == {"calls": 16, "equal": 0, "least": 7, "most": 7}

    exactness, calibrated, told = estimated(afcost)
    assert exactness == {"calibrated"}
    assert calibrated == plain + 7 * 16 == server.bill().input_tokens
    assert "~calibrated, earlier bills differ by +7 tokens per prompt" in told
    assert "+7 tokens relative to llama-3.1 (16 bills" in afcost("doctor", "--verbose")

    bill(server, 7)
    (check,) = run(afcost, "second")["counts"].values()
    assert check == {"calls": 16, "equal": 16, "least": 0, "most": 0}
    assert server.bill().input_tokens == calibrated
    assert "billed as counted" not in afcost("report", "second"), "there is nothing to tell"
    assert estimated(afcost) == (exactness, calibrated, told), "the same seven, not seven more"


def test_bills_of_several_plans_are_compared_with_counts_of_one_kind(afcost, server):
    """What a first plan taught is in the counts of the second, and not in those of its own."""
    bill(server, 7)
    afcost("estimate", "experiment.yaml", "--limit", "2", "-o", "some.json")
    afcost("approve", "some.json", "--cap", "1", "--yes")
    afcost("run", "some.json", "--run-dir", "both")
    (check,) = run(afcost, "both")["counts"].values()
    assert check == {"calls": 16, "equal": 16, "least": 0, "most": 0}
    assert len(server.bill().calls) == 16
    assert "billed as counted" not in afcost("report", "both"), "there is nothing to tell"


def test_bills_that_differ_as_they_like_are_named_and_nothing_is_learned(afcost, server):
    before = estimated(afcost)
    bill(server, 9, 3, 0, 5)
    run(afcost, "run")
    report = afcost("report", "run")
    assert "prompts of my-lab/llama-3.1-8b: 4 of 16 billed as counted" in report
    assert "+9 tokens" in report
    assert estimated(afcost) == before
    assert before[0] == {"exact"}
    assert "+0 to +9 tokens off, not constant (16 bills" in afcost("doctor")


def test_a_home_that_cannot_be_written_does_not_spoil_a_run(afcost, server, folder):
    (folder / "own-home").write_text("a file, where the home would be")
    before = estimated(afcost)
    bill(server, 7)
    assert run(afcost, "run")["outcome"] == "complete"
    assert len(server.bill().calls) == 16
    assert estimated(afcost) == before, "nothing could be kept"
