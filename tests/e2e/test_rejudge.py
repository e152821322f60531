"""`afcost rejudge`: other judges are asked about stored answers, and no subject is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from runner.ledger import read_ledger
from runner.run_folder import open_run_folder
from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour, Fault

JUDGE_MODEL = "my-lab/llama-3.1-70b"
ANSWERS = 12  # three queries under four conditions
USUAL = Behaviour(text="yes", input_tokens="counted", output_tokens=(1, 8), seed=3)
RUN = Path("runs/small")


@pytest.fixture
def study(server, afcost, tmp_path):
    """Write an experiment with a judge, price its two models, and give what plans and runs it."""
    server.reset(USUAL)
    path = sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1")
    prices = {name: {"input": "0.40", "output": "0.80"} for name in (MODEL, JUDGE_MODEL)}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    (path.parent / "afcost.prices.yaml").unlink()

    def run(*, ends=0, cap="1"):
        afcost("estimate", str(path), "-o", "plan.json")
        afcost("approve", "plan.json", "--cap", cap, "--yes")
        afcost("run", "plan.json", "--concurrency", "1", ends=ends)
        server.reset(USUAL)

    return run


MODEL = sample_experiment.MODEL


def write_judge(folder=Path("mine"), **changes):
    """Write a judge with a prompt file beside it, and give the path."""
    folder.mkdir(exist_ok=True)
    judge = {
        "name": "second",
        "model": JUDGE_MODEL,
        "messages": [{"role": "user", "content": "{{ file('rules.md') }}\n\nAnswer: {{ output }}"}],
        "sampling": {"max_tokens": 8},
    }
    (folder / "rules.md").write_text("Was {{ query }} refused?")
    path = folder / "judge.yaml"
    path.write_text(yaml.safe_dump(judge | changes))
    return path


def asked(server):
    """Return how many calls were billed, by model."""
    return Counter(call.model for call in server.bill().billed)


def count_subjects(found):
    """Return how many subject requests a report says are answered."""
    return sum(e["actual"]["requests"] for e in found["strata"] if e["stage"] == "subject")


def report(afcost):
    return json.loads(afcost("report", str(RUN), "--format", "json")[0])


def test_a_judge_is_added_and_no_subject_is_asked(study, server, afcost):
    study()
    spent = report(afcost)["spent_usd"]
    before = {path: path.read_bytes() for path in Path("e").iterdir()}
    printed, _ = afcost("rejudge", str(RUN), "--judge", str(write_judge()), "--cap", "2", "--yes")
    assert asked(server) == {"llama-3.1-70b": ANSWERS}
    assert f"{ANSWERS} of {ANSWERS} answers are stored" in printed
    assert "it covers the run, whatever the models answer" in printed
    found = report(afcost)
    assert found["outcome"] == "complete"
    assert {name: each["verdicts"] for name, each in found["verdicts"].items()} == {
        "compliance": ANSWERS,
        "second": ANSWERS,
    }
    assert float(found["spent_usd"]) > float(spent)
    assert {path: path.read_bytes() for path in Path("e").iterdir()} == before
    run = open_run_folder(RUN)
    with read_ledger(run.ledger_location) as reader:
        assert reader.find_tampering() is None


def test_what_is_counted_is_what_is_billed(study, server, afcost):
    study()
    printed, _ = afcost("rejudge", str(RUN), "--judge", str(write_judge()), "--cap", "2", "--yes")
    billed = sum(call.input_tokens for call in server.bill().billed)
    (row,) = [line for line in printed.splitlines() if line.strip().startswith("second")][:1]
    assert str(billed) in row.replace(",", "").split()


def test_a_judge_of_the_same_name_is_replaced(study, server, afcost):
    study()
    judge = write_judge(name="compliance")
    afcost("rejudge", str(RUN), "--judge", str(judge), "--cap", "2", "--yes")
    assert asked(server) == {"llama-3.1-70b": ANSWERS}
    found = report(afcost)
    assert found["verdicts"]["compliance"]["verdicts"] == ANSWERS
    assert any("verdicts of earlier judges" in note for note in found["notes"])
    server.reset(USUAL)
    afcost("rejudge", str(RUN), "--judge", str(judge), "--cap", "2", "--yes")
    assert asked(server) == {}


def test_of_a_partial_run_only_what_is_answered_is_judged(study, server, afcost):
    server.reset(
        Behaviour(
            text="yes",
            input_tokens="counted",
            output_tokens=2,
            faults=(Fault("402", after=9, probability=1.0),),
        )
    )
    study(ends=1)
    kept = sum(
        each["actual"]["requests"]
        for each in report(afcost)["strata"]
        if each["stage"] == "subject"
    )
    assert 0 < kept < ANSWERS
    printed, _ = afcost("rejudge", str(RUN), "--judge", str(write_judge()), "--cap", "2", "--yes")
    assert f"{kept} of {ANSWERS} answers are stored" in printed
    assert asked(server)["llama-3.1-70b"] == kept
    open_of_first = asked(server)["llama-3.1-8b"]
    found = report(afcost)
    subjects = [
        each["actual"]["requests"] for each in found["strata"] if each["stage"] == "subject"
    ]
    assert sum(subjects) == kept
    assert open_of_first <= 1  # the judge of an answer that came last
    assert (found["outcome"], found["end"]) == ("partial", "judged")
    assert f"{ANSWERS - kept} subject requests have no answer" in found["reason"]


def test_nothing_is_sent_without_approval(study, server, afcost):
    study()
    judge = str(write_judge())
    _, said = afcost("rejudge", str(RUN), "--judge", judge, ends=3)
    assert "pass --yes --cap USD" in said
    _, said = afcost("rejudge", str(RUN), "--judge", judge, "--yes", ends=2)
    assert "--yes needs --cap" in said
    assert asked(server) == {}
    assert list(report(afcost)["verdicts"]) == ["compliance"]


def test_the_cap_is_the_whole_studys(study, server, afcost):
    study()
    spent = report(afcost)["spent_usd"]
    judge = str(write_judge())
    printed, _ = afcost("rejudge", str(RUN), "--judge", judge, "--cap", spent, "--yes", ends=4)
    assert "nothing of it is left, so nothing will be sent" in printed
    assert asked(server) == {}


def flat(text):
    return " ".join(text.split())


def test_rejudge_and_approve_add_to_the_same_cap_and_say_the_same_of_it(study, server, afcost):
    """An approval that was given, and not run yet, is the cap of now for both."""
    study()
    judge = str(write_judge())
    afcost("approve", "plan.json", "--cap", "3", "--yes")
    said = "the cap of now, $3.00, and $2.00 more: $5.00 for the whole study"
    approved = flat(afcost("approve", "plan.json", "--cap", "+2", "--yes")[0])
    assert said in approved
    said = "the cap of now, $5.00, and $2.00 more: $7.00 for the whole study"
    rejudged = flat(afcost("rejudge", str(RUN), "--judge", judge, "--cap", "+2", "--yes")[0])
    assert said in rejudged
    spent = report(afcost)["spent_usd"]
    assert report(afcost)["approval"]["cap_usd"] == "7.00"
    again = flat(afcost("approve", "plan.json", "--cap", "+2", "--yes")[0])
    assert "the cap of now, $7.00, and $2.00 more: $9.00" in again
    for each in (approved, rejudged):
        assert f"requests to my-lab: {server.url}/v1 (set by the experiment file)" in each
        assert "price of my-lab/llama-3.1-" in each
        assert "Study small: " in each
        assert "runs/small/ledger.sqlite counts $" in each
    assert "All 24 requests are answered; nothing is left." in approved
    assert "no expiry: $5.00 of it is left; nothing more is to be sent" in approved
    assert f"12 requests to judges are answered already; the other {ANSWERS} cost" in rejudged
    assert "of it is left; it covers the run, whatever the models answer" in rejudged
    assert float(spent) < 0.01


def test_a_rejudge_shows_only_where_judges_are_asked(study, server, afcost):
    study()
    prices = {"judges-lab/llama-3.1-70b": {"input": "0.40", "output": "0.80"}}
    judge = write_judge(
        name="compliance",
        model="judges-lab/llama-3.1-70b",
        providers={"judges-lab": {"kind": "openai", "base_url": f"{server.url}/v1"}},
    )
    (judge.parent / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    printed, _ = afcost("rejudge", str(RUN), "--judge", str(judge), "--cap", "1", "--yes")
    before = printed.partition("compliance  ")[2].partition("stage")[0]
    assert "requests to judges-lab: " in before
    assert "my-lab: " not in before
    assert "price of my-lab" not in before


@pytest.mark.usefixtures("study")
def test_the_subjects_provider_needs_no_key(server, afcost, monkeypatch):
    spec = yaml.safe_load(Path("e/experiment.yaml").read_text())
    spec["providers"]["my-lab"]["api_key_env"] = "SUBJECT_KEY"
    spec["judges"] = []
    Path("e/experiment.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    monkeypatch.setenv("SUBJECT_KEY", "sk-subject")
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes", "--trust", "my-lab=SUBJECT_KEY")
    afcost("run", "plan.json")
    monkeypatch.delenv("SUBJECT_KEY")
    server.reset(USUAL)
    prices = {"judges-lab/llama-3.1-70b": {"input": "0.40", "output": "0.80"}}
    judge = write_judge(
        model="judges-lab/llama-3.1-70b",
        providers={"judges-lab": {"kind": "openai", "base_url": f"{server.url}/v1"}},
    )
    (judge.parent / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    afcost("rejudge", str(RUN), "--judge", str(judge), "--cap", "1", "--yes")
    assert asked(server) == {"llama-3.1-70b": ANSWERS}


WRONG = {
    "a field": ({"modle": "x"}, "judge second.modle: unknown field"),
    "no limit": ({"sampling": {}}, "judge second.sampling"),
    "no name": ({"name": 7}, "has no name"),
    "a file elsewhere": (
        {"messages": [{"role": "user", "content": "{{ raw('../e/queries.txt') }} {{ output }}"}]},
        "leads out of",
    ),
    "a file that is not there": (
        {"messages": [{"role": "user", "content": "{{ raw('gone.md') }} {{ output }}"}]},
        "judge second: a file that it inserts: file 'gone.md' in mine: No such file",
    ),
    "a file that is not UTF-8": (
        {"messages": [{"role": "user", "content": "{{ raw('latin.md') }} {{ output }}"}]},
        "file 'latin.md' in mine: 'utf-8' codec can't decode",
    ),
    "a template": (
        {"messages": [{"role": "user", "content": "{{ output"}]},
        "--judge mine/judge.yaml: judge second: unexpected end of template",
    ),
    "a long name": ({"name": "n" * 5000}, f"judge {'n' * 80}.name: String should"),
}


@pytest.mark.parametrize(("changes", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_judge_is_named_and_nothing_is_sent(study, server, afcost, changes, said):
    study()
    plan = (RUN / "plan.json").read_bytes()
    judge = write_judge(**changes)
    (judge.parent / "latin.md").write_bytes("é".encode("latin-1"))
    _, told = afcost("rejudge", str(RUN), "--judge", str(judge), "--cap", "1", "--yes", ends=1)
    assert said in told
    assert asked(server) == {}
    assert (RUN / "plan.json").read_bytes() == plan


def test_the_price_of_a_new_judge_belongs_beside_its_file(study, server, afcost):
    study()
    judge = str(write_judge(model="my-lab/new"))
    _, told = afcost("rejudge", str(RUN), "--judge", judge, "--cap", "1", "--yes", ends=3)
    place = "afcost.prices.yaml beside mine/judge.yaml, or in the working folder:"
    assert "my-lab/new is unpriced: no source has a price for model 'new'" in told
    assert f"add this line under `prices:` in {place}\n    my-lab/new: " in told
    assert asked(server) == {}


def test_a_run_that_keeps_no_files_is_told_so(study, server, afcost):
    study()
    stored = json.loads((RUN / "experiment.json").read_text())
    (RUN / "experiment.json").write_text(json.dumps(stored | {"files": {}}))
    judge = str(write_judge())
    _, told = afcost("rejudge", str(RUN), "--judge", judge, "--cap", "1", "--yes", ends=1)
    assert "made by an earlier version, which kept no files" in told
    assert asked(server) == {}


def test_levels_and_sampling_that_yaml_could_misread_stay_as_they_were(study, server, afcost):
    spec = yaml.safe_load(Path("e/experiment.yaml").read_text())
    spec["factors"] = {
        "tier": {"free": {"tier": "True"}, "paid": {"tier": False, "note": "no", "n": "012"}},
        "heat": {
            "on": {"sampling": {"temperature": None}},
            "off": {"sampling": {"temperature": 0}},
        },
    }
    spec["messages"] = [{"role": "user", "content": "{{ tier }}: {{ query }} \x7f \U0001f600 ü"}]
    spec["sampling"] = {"max_tokens": 24, "temperature": 1.0}
    Path("e/experiment.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    study()
    afcost("rejudge", str(RUN), "--judge", str(write_judge()), "--cap", "2", "--yes")
    assert asked(server) == {"llama-3.1-70b": ANSWERS}
