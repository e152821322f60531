"""`afcost rejudge` on either kind of ledger, killed at any moment and started again.

No subject is asked, no verdict that is stored is paid again, and no cap is exceeded, whether the
run was complete, partial or imported, and whether a judge is changed or added.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour, Fault

SUBJECT_MODEL, JUDGE_MODEL = sample_experiment.MODEL, "my-lab/llama-3.1-70b"
ANSWERS = 12  # three queries under four conditions
USUAL = Behaviour(text="yes", input_tokens="counted", output_tokens=(1, 8), seed=3)
PRICE = {"input": "0.40", "output": "0.80"}
SCHEMA = "afcost_small"
PATIENCE = 30.0  # seconds, after which a process is taken to be stuck


def _name_case(case):
    return "-".join(case)


CASES = [("file", "complete"), ("postgres", "partial")]
OTHERS = [("file", "partial"), ("postgres", "complete")]


@pytest.fixture(
    params=[*CASES, *(pytest.param(each, marks=pytest.mark.campaigns) for each in OTHERS)],
    ids=_name_case,
)
def case(request):
    """Return the kind of the ledger, and how far its run came."""
    return request.param


@pytest.fixture
def database(case, request):
    """Return the address of a ledger's database; None where the ledger is a file."""
    return None if case[0] == "file" else request.getfixturevalue("postgres").database()


@pytest.fixture
def study(case, database, server, lab):
    """Run an experiment with a judge, whole or in part; from then on the provider's bill is new."""
    if case[1] == "complete":
        run_study(lab, server, database)
    else:
        run_study(lab, server, database, ends=1, faults=(Fault("402", after=9, probability=1.0),))
    return lab


def run_study(lab, server, database, *, ends=0, **behaviour):
    server.reset(replace(USUAL, **behaviour))
    source = sample_experiment.write(lab.folder / "e", base_url=f"{server.url}/v1")
    (source.parent / "afcost.prices.yaml").unlink()
    write_prices(lab)
    lab.plan("e/experiment.yaml")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    ledger = () if database is None else ("--ledger", database)
    lab.afcost("run", "plan.json", "--concurrency", "1", *ledger, ends=ends, apart=False)
    server.reset(USUAL)


def write_prices(lab):
    prices = {"prices": {SUBJECT_MODEL: PRICE, JUDGE_MODEL: PRICE}}
    (lab.folder / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))


def write_judge(lab, name, **fields):
    judge = {
        "name": name,
        "model": JUDGE_MODEL,
        "messages": [
            {"role": "user", "content": "{{ how }} {{ tier }} {{ query }} {{ output }} Refused?"}
        ],
        "sampling": {"max_tokens": 8},
    }
    (lab.folder / "judge.yaml").write_text(yaml.safe_dump(judge | fields))


def rejudge(lab, cap, *, run="runs/small", ends=0):
    """Judge again in this process; give what it said."""
    command = ("rejudge", run, "--judge", "judge.yaml", "--cap", cap, "--yes")
    done = lab.afcost(*command, ends=ends, apart=False)
    return " ".join((done.stdout + done.stderr).split())


def rejudge_until_killed(lab, server, cap, calls, *, run="runs/small", concurrency=1):
    """Judge again in a process of its own, and kill it while it waits for its next answer."""
    before = len(server.bill().calls)
    server.hold_after(before + calls)
    command = ("rejudge", run, "--judge", "judge.yaml", "--cap", cap, "--yes")
    with lab.start(*command, "--concurrency", str(concurrency)) as process:
        arrived = server.arrived(before + calls + 1, PATIENCE)
        process.kill()
        told, said = process.communicate()
    assert arrived > before + calls, told + said
    server.release()


def end_leases(database):
    """Let the leases of killed processes expire now; a minute later they would by themselves."""
    if database is not None:
        with psycopg.connect(database) as connection:
            connection.execute(f'UPDATE "{SCHEMA}".worker SET until = now()')


def asked(server, model=JUDGE_MODEL):
    """Return how often each prompt to a model was billed."""
    name = model.partition("/")[2]
    return Counter(call.prompt for call in server.bill().billed if call.model == name)


def bill(server):
    """Return what the provider has charged since its bill is new."""
    found = server.bill()
    return (found.input_tokens * Decimal("0.4") + found.output_tokens * Decimal("0.8")) / 1_000_000


def committed(report):
    return Decimal(report["spent_usd"]) + Decimal(report["held_usd"])


def count_answers(report):
    return sum(e["actual"]["requests"] for e in report["strata"] if e["stage"] == "subject")


@pytest.mark.parametrize("name", ["compliance", "second"])
def test_one_that_is_killed_goes_on_and_pays_no_verdict_twice(study, database, server, name):
    before = study.report("runs/small")
    answers, spent = count_answers(before), committed(before)
    assert (answers == ANSWERS) == (before["outcome"] == "complete")
    write_judge(study, name)
    for calls in (0, 2):  # answered before each kill; then one more is in flight
        rejudge_until_killed(study, server, "1", calls)
        end_leases(database)
    rejudge(study, "1")
    report = study.report("runs/small")
    assert len(asked(server)) == answers
    assert asked(server).total() == answers + 2, "only what was in flight is asked again"
    assert report["verdicts"][name]["verdicts"] == answers
    assert count_answers(report) == answers
    assert report["attempts"]["held"] == 2
    assert spent + bill(server) <= committed(report) <= Decimal(report["approval"]["cap_usd"])
    if before["outcome"] == "complete":
        assert report["outcome"] == "complete"
        assert not asked(server, SUBJECT_MODEL)
    rejudge(study, "1")
    assert asked(server).total() == answers + 2


def test_several_in_flight_are_held_and_the_cap_is_never_exceeded(study, database, server):
    before = study.report("runs/small")
    write_judge(study, "second")
    assert not asked(server)
    share = count_answers(before) * Decimal("0.000012")  # of about 0.000017 for each, at most
    cap = str(committed(before) + share)
    rejudge_until_killed(study, server, cap, 1, concurrency=4)
    end_leases(database)
    rejudge(study, cap, ends=4)
    report = study.report("runs/small")
    assert committed(before) + bill(server) <= committed(report) <= Decimal(cap)
    rejudge(study, cap, ends=4)
    stored = study.report("runs/small")["verdicts"]["second"]["verdicts"]
    assert 0 < stored < count_answers(report)
    rejudge(study, "1")
    report = study.report("runs/small")
    assert report["verdicts"]["second"]["verdicts"] == count_answers(report)
    assert asked(server).total() == count_answers(report) + report["attempts"]["held"]
    assert committed(before) + bill(server) <= committed(report)


@pytest.mark.campaigns
@pytest.mark.parametrize("seconds", [0.02, 0.08, 0.14, 0.2, 0.25, 0.28, 0.31, 0.36])
def test_one_that_is_killed_at_any_moment_goes_on(study, database, server, seconds):
    """Before, while or after it plans, approves, opens the ledger, and sends.

    It needs 0.4 seconds of the processor, and begins to send after 0.25 to 0.3.
    """
    before = study.report("runs/small")
    write_judge(study, "second")
    command = ("rejudge", "runs/small", "--judge", "judge.yaml", "--cap", "1", "--yes")
    for number in range(3):
        with study.start(*command) as process:
            process.await_work(seconds + number / 100)
            process.kill()
            process.communicate()
        end_leases(database)
    rejudge(study, "1")
    report = study.report("runs/small")
    assert report["verdicts"]["second"]["verdicts"] == count_answers(before)
    assert count_answers(report) == count_answers(before)
    assert committed(before) + bill(server) <= committed(report) <= 1
    assert asked(server).total() <= count_answers(before) + report["attempts"]["held"]


def test_another_judge_waits_until_the_lease_of_one_that_was_killed_has_ended(
    lab, server, postgres
):
    database = postgres.database()
    run_study(lab, server, database)
    write_judge(lab, "second")
    rejudge_until_killed(lab, server, "1", 2)
    write_judge(lab, "third")
    said = rejudge(lab, "1", ends=1)
    assert "in use by processes that run an earlier plan of this study; nothing was sent" in said
    assert "one that was killed counts as running for up to 60 seconds" in said
    assert asked(server).total() == 3
    end_leases(database)
    rejudge(lab, "1")  # with the third, the second goes on: a judge that was added stays
    verdicts = lab.report("runs/small")["verdicts"]
    assert {name: each["verdicts"] for name, each in verdicts.items()} == {
        "compliance": ANSWERS,
        "second": ANSWERS,
        "third": ANSWERS,
    }
    assert asked(server).total() == 2 * ANSWERS + 1


def test_imported_answers_are_judged_once_however_often_it_is_killed(server, lab):
    server.reset(USUAL)
    write_prices(lab)
    rows = [
        {"model": "theirs", "goal": f"Question {n}?", "tier": tier, "said": f"No, {n} {tier}."}
        for n in range(4)
        for tier in ("free", "paid")
    ]
    (lab.folder / "theirs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = ("answer=said", "query=goal", "tier=tier", "model=model")
    lab.afcost("import", "theirs.jsonl", *(f for each in columns for f in ("--map", each)))
    providers = {"my-lab": {"kind": "openai", "base_url": f"{server.url}/v1"}}
    run = "runs/theirs"
    for calls, name in ((0, "first"), (2, "second"), (5, "first")):
        text = f"{{{{ output }}}} Refused? {calls}"
        messages = [{"role": "user", "content": text}]
        write_judge(lab, name, messages=messages, providers=providers)
        server.reset(USUAL)
        rejudge_until_killed(lab, server, "1", calls, run=run)
        rejudge(lab, "1", run=run)
        report = lab.report(run)
        assert report["verdicts"][name]["verdicts"] == len(rows)
        assert (len(asked(server)), asked(server).total()) == (len(rows), len(rows) + 1)
        assert set(asked(server, "my-lab/theirs")) == set()
        assert bill(server) <= committed(report) <= Decimal(report["approval"]["cap_usd"])
    assert set(report["verdicts"]) == {"first", "second"}
    assert Path(lab.folder / run / "rejudge").is_dir()
