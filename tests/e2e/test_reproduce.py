"""A run's experiment is made again from its folder alone, and compared with what was planned."""

from __future__ import annotations

import hashlib
import json
import shutil
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab
from tests.e2e.sample_experiment import planned as planned_at
from tests.support.provider.behaviour import Behaviour

PRICE = '{input: "0.50", output: "2.00", source: "the lab"}'


@pytest.fixture(scope="module")
def ran_once(server, tmp_path_factory):
    """Run a small plan at a provider of one's own."""
    server.reset(Behaviour(answer="by-tier"))
    lab = planned_at(tmp_path_factory.mktemp("lab"), server.url, PRICE, limit=2)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    lab.afcost("run", "plan.json")
    return lab


@pytest.fixture
def ran(ran_once, tmp_path):
    """Return a folder of one's own with that run."""
    shutil.copytree(ran_once.folder, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path)


def reproduce(lab, *options: str, ends: int = 0) -> dict[str, object]:
    run = str(lab.run_folder())
    done = lab.afcost("reproduce", run, "--format", "json", *options, ends=ends, apart=False)
    return json.loads(done.stdout)


def test_an_unchanged_run_is_the_same_without_its_experiment_and_its_plan(ran, server):
    shutil.rmtree(ran.folder / "af")
    (ran.folder / "plan.json").unlink()
    billed = len(server.bill().calls)
    made = reproduce(ran)
    assert made["same"] is True
    assert made["differences"] == made["notes"] == []
    assert made["requests"]["then"] == made["requests"]["now"] != ""
    assert len(server.bill().calls) == billed


def test_what_is_written_can_be_estimated_and_is_that_plan(ran):
    made = reproduce(ran, "-o", "again")
    again = ran.folder / "again"
    for name in ("experiment.yaml", "queries.csv", "prompts/user.md"):
        assert (again / name).read_bytes() == (ran.folder / "af" / name).read_bytes()
    plan = json.loads((ran.folder / made["plan"]).read_text())
    ran_plan = json.loads((ran.run_folder() / "plan.json").read_text())
    assert plan["requests"] == ran_plan["requests"]
    assert plan["study"] == ran_plan["study"]
    run = str(ran.run_folder())
    done = ran.afcost("reproduce", run, "-o", "again", ends=1, apart=False)
    assert "again exists and is not empty" in done.stderr


def test_another_price_is_named_with_both(ran):
    ran.folder.joinpath("afcost.prices.yaml").write_text(
        (ran.folder / "afcost.prices.yaml").read_text().replace("0.50", "0.75")
    )
    made = reproduce(ran, ends=1)
    assert made["same"] is False
    assert made["requests"]["then"] == made["requests"]["now"]
    assert any("$0.50 in" in each and "$0.75 in" in each for each in made["differences"])


def test_a_price_that_is_gone_is_why_it_cannot_be_planned(ran):
    (ran.folder / "afcost.prices.yaml").unlink()
    made = reproduce(ran, ends=1)
    (difference,) = made["differences"]
    assert difference.startswith("it cannot be planned now: ")
    assert made["plan"] is None


def test_a_text_that_was_changed_in_the_run_folder_is_named(ran):
    path = ran.run_folder() / "experiment.json"
    kept = json.loads(path.read_text())
    kept["files"]["prompts/user.md"] += " Please."
    path.write_text(json.dumps(kept))
    made = reproduce(ran, ends=1)
    assert made["differences"] == [
        "file prompts/user.md: its text is another",
        "the requests: what is sent, or how it is named, is not the same",
    ]


def test_other_versions_are_noted_and_are_no_difference(ran):
    path = ran.run_folder() / "experiment.json"
    kept = json.loads(path.read_text())
    kept["versions"]["python"] = "3.10.0"
    path.write_text(json.dumps(kept))
    made = reproduce(ran)
    assert made["same"] is True
    assert [each.partition(" then")[0] for each in made["notes"]] == ["python 3.10.0"]


def test_a_file_that_was_edited_after_the_run_is_noted_and_the_runs_own_copy_counts(ran):
    edited, gone = (ran.folder / "af" / name for name in ("prompts/user.md", "queries.csv"))
    edited.write_text(f"{edited.read_text()} Please.")
    gone.unlink()
    made = reproduce(ran)
    assert made["same"] is True
    assert [each.partition(" now")[0] for each in made["notes"]] == [
        f"{edited} is another text",
        f"{gone} is gone, or cannot be read",
    ]


def test_it_says_in_words_what_it_found(ran):
    done = ran.afcost("reproduce", str(ran.run_folder()), apart=False)
    assert done.stdout.startswith("The same: its requests, files, models and prices.\n")
    ran.folder.joinpath("afcost.prices.yaml").unlink()
    done = ran.afcost("reproduce", str(ran.run_folder()), ends=1, apart=False)
    assert done.stdout.startswith("Not the same:\n- it cannot be planned now: ")


def test_a_file_from_outside_of_the_experiment_cannot_be_written_again(ran):
    path = ran.run_folder() / "experiment.json"
    kept = json.loads(path.read_text())
    kept["files"]["../shared.md"] = "text"
    path.write_text(json.dumps(kept))
    done = ran.afcost("reproduce", str(ran.run_folder()), "-o", "new/again", ends=1, apart=False)
    assert "../shared.md: not in the experiment's own folder" in done.stderr
    assert not (ran.folder / "new").exists()


def test_the_report_says_what_the_answers_come_from(ran):
    report = ran.report()
    assert Decimal(report["spent_usd"]) > 0
    made = report["provenance"]
    plan = json.loads((ran.run_folder() / "plan.json").read_text())
    assert (made["plan"], made["requests"]) == (plan["digest"], plan["requests"])
    text = (ran.folder / "af" / "prompts" / "user.md").read_bytes()
    assert made["files"]["prompts/user.md"] == hashlib.sha256(text).hexdigest()
    assert made["versions"].keys() >= {"python", "jinja2", "splintr-rs"}
    assert made["order_seed"] == made["work"]
    answered = sum(sum(each["reported"].values()) for each in made["models"].values())
    assert answered == report["attempts"]["settled"]
    text = ran.afcost("report", str(ran.run_folder()), "--format", "md").stdout
    assert "## Provenance" in text
    assert f"requests: {made['requests'][:16]}" in text
