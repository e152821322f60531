"""`afcost ledger`: what a run's money did, whether it was changed, and what became of holds."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour, Fault

IN, OUT = Decimal("0.50"), Decimal("2.00")
LOST = (Fault("500_after", calls=(2,)), Fault("500_before", calls=(5,)))


@pytest.fixture(scope="module")
def run_once(server, tmp_path_factory):
    """Run four calls and their judges; one lost answer was billed, another was not."""
    server.reset(Behaviour(answer="by-tier", output_tokens=50, faults=LOST))
    lab = Lab(tmp_path_factory.mktemp("lab"))
    where = f'{{kind: openai, base_url: "{server.url}/v1", api_key_env: LAB_KEY}}'
    experiment = lab.init(lab=where)
    experiment.write_text(experiment.read_text().replace("openai/gpt-4o-mini", "lab/model"))
    lab.prices(lab__model=f'{{input: "{IN}", output: "{OUT}"}}')
    lab.plan("af/experiment.yaml", "-m", "lab/model", "--limit", "1", "--max-tokens", "400")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    lab.afcost("run", "plan.json", "--concurrency", "1")
    bill = server.bill()
    cost = (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000
    (lab.folder / "invoice.csv").write_text(f"model,cost_usd\nmodel,{cost}\n")
    (lab.folder / "cost").write_text(str(cost))
    return lab


@pytest.fixture
def done(run_once, tmp_path):
    shutil.copytree(run_once.folder, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path)


def held(lab) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(ledger(lab, "--format", "csv").stdout))
    return [row for row in rows if row["kind"] == "hold"]


def ledger(lab, *arguments: str, ends: int = 0):
    return lab.afcost("ledger", str(lab.run_folder()), *arguments, ends=ends)


def test_the_ledger_is_shown_exported_and_says_that_nothing_was_changed(done):
    shown = ledger(done, "--all")
    assert "none changed" in shown.stderr
    assert "hold" in shown.stdout
    assert "of the cap $1.00" in shown.stdout
    exported = [json.loads(line) for line in ledger(done, "--format", "jsonl").stdout.splitlines()]
    settled = sum(Decimal(entry["settled"]) for entry in exported)
    assert settled == Decimal(done.report()["spent_usd"])
    ledger(done, "-o", "ledger.csv")
    assert len((done.folder / "ledger.csv").read_text().splitlines()) == len(exported) + 1


def test_a_changed_amount_is_found_and_the_run_does_not_go_on(done):
    connection = sqlite3.connect(done.run_folder() / "ledger.sqlite")
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("UPDATE entry SET settled = 1 WHERE kind = 'settle'")
    connection.commit()
    connection.close()
    assert "was changed" in ledger(done, ends=3).stderr


def test_the_providers_own_list_resolves_what_is_held_to_what_it_billed(done):
    before = done.report()
    assert before["attempts"]["held"] == 2
    shown = ledger(done, "reconcile", "--usage", "invoice.csv", "--reason", "November").stdout
    assert "2 holds" in shown
    after = done.report()
    assert Decimal(after["spent_usd"]) == Decimal((done.folder / "cost").read_text())
    assert (after["held_usd"], after["attempts"]["resolved"]) == ("0.00", 2)
    notes = ledger(done, "--format", "csv").stdout
    assert "invoice.csv: November" in notes
    assert (
        "nothing to reconcile"
        in ledger(done, "reconcile", "--usage", "invoice.csv", "--reason", "again").stdout
    )


def test_a_hold_is_resolved_by_hand_with_a_reason(done):
    first, second = held(done)
    ledger(done, "reconcile", "--attempt", first["attempt"], "--billed", "0", "--reason", "ask")
    assert done.report()["attempts"]["held"] == 1
    ledger(done, "reconcile", "--billed", second["held"], "--reason", "they said so")
    report = done.report()
    assert (report["held_usd"], report["attempts"]["held"]) == ("0.00", 0)
    again = ("reconcile", "--attempt", first["attempt"], "--billed", "0", "--reason", "twice")
    assert "nothing is held" in ledger(done, *again, ends=1).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("reconcile",),
        ("reconcile", "--billed", "0"),
        ("reconcile", "--reason", "x"),
        ("reconcile", "--billed", "0", "--usage", "invoice.csv", "--reason", "x"),
        ("--billed", "0"),
    ],
)
def test_what_is_said_of_holds_must_be_whole(done, arguments):
    ledger(done, *arguments, ends=2)
    assert done.report()["attempts"]["held"] == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,cost\nmodel,1\n", "expected columns"),
        ("model,cost_usd\nmodel,much\n", "line 2: cost_usd 'much'"),
        ("model,cost_usd\nmodel,-1\n", "line 2: cost_usd '-1'"),
        (
            "model,cost_usd\nmodel,1\nmodel-2026-11,1\n",
            "line 3: 'model-2026-11' is not a model in this",
        ),
    ],
)
def test_an_export_that_cannot_be_read_resolves_nothing(done, text, said):
    (done.folder / "bad.csv").write_text(text)
    assert said in ledger(done, "reconcile", "--usage", "bad.csv", "--reason", "x", ends=1).stderr
    assert done.report()["attempts"]["held"] == 2
