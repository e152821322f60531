"""The same answers teach the same, in batches and by calls: lengths, counts and prices."""

from __future__ import annotations

import json

import pytest

from runner.forecasting.own_calls import read_own_calls
from runner.ledger import read_ledger
from runner.run_folder import open_run_folder
from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

QUERIES = 8
MODEL = "openrouter/openai/gpt-4o-mini"
PRICE = '{input: "0.4", output: "0.8", batch: {input: "0.2", output: "0.4"}}'
STATED = {"calls": ("0.4", "0.8"), "in batches": ("0.2", "0.4"), "planned so": ("0.2", "0.4")}


def make_lab(folder, server, how) -> Lab:
    folder.mkdir()
    (folder / "q.txt").write_text("".join(f"question {n}\n" for n in range(QUERIES)))
    batch = "yes" if how == "planned so" else "no"
    (folder / "own.yaml").write_text(
        f"name: own\nmodels: [{MODEL}]\n"
        "queries: {file: q.txt}\nsampling: {max_tokens: 300}\n"
        "messages: [{role: user, content: '{{ query }}'}]\n"
        f"judges: [{{name: j, model: {MODEL}, sampling: {{max_tokens: 20}}, "
        "messages: [{role: user, content: 'J {{ query }} {{ output }}'}]}]\n"
        f"providers: {{openrouter: {{base_url: '{server.url}/api/v1'}}}}\n"
        + ("batch: yes\n" if batch == "yes" else "")
    )
    (folder / "afcost.prices.yaml").write_text(f"prices:\n  {MODEL}: {PRICE}\n")
    return Lab(folder)


def learn(lab, server, how, behaviour):
    """Run in one of three ways; return what later estimates take from that."""
    server.reset(Behaviour(**behaviour, states_cost=STATED[how]))
    lab.plan("own.yaml")
    trust = ("--trust", "openrouter=OPENROUTER_API_KEY")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes", *trust)
    lab.afcost("run", "plan.json", "--poll", "0.1", *(["--batch"] if how == "in batches" else []))
    assert {bool(call.batch) for call in server.bill().calls} == {how != "calls"}
    run = open_run_folder(lab.run_folder())
    with read_ledger(run.ledger_location) as reader:
        own = read_own_calls(run, reader)
    lengths = {
        key: sorted(
            zip(*(x.tolist() for x in (each.queries, each.output, each.answer_input)), strict=True)
        )
        for key, each in own.calls.items()
    }
    report = lab.report()
    assert report["outcome"] == "complete"
    checks = [each["agrees"] for each in report["prices"].values()]
    kept = (lab.folder / ".home").rglob("*calibration*")
    learned = [json.loads(each.read_text()) for each in sorted(kept) if each.is_file()]
    again = lab.afcost("estimate", "own.yaml", "--samples", "2", "--format", "json")
    then = json.loads(again.stdout)
    outputs = [each["output_tokens"] for each in then["strata"]]
    return lengths, report["counts"], checks, learned, outputs


# What is understated is booked above it; what that was is read from the price that a plan has.
HONEST = {"input_tokens": "counted", "lengths": (60.0, 0.5, 1.0)}


@pytest.mark.parametrize(
    ("behaviour", "ways"),
    [(HONEST, tuple(STATED)), (HONEST | {"input_tokens": None}, ("calls", "planned so"))],
)
def test_the_same_answers_teach_the_same(tmp_path, server, monkeypatch, behaviour, ways):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-2233")
    found = {
        how: learn(make_lab(tmp_path / how.replace(" ", "-"), server, how), server, how, behaviour)
        for how in ways
    }
    assert found["calls"][0]
    for how in ways:
        for one, other in zip(found[how], found["calls"], strict=True):
            assert one == other, how
