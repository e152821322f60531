"""A study's second plan is killed wherever it comes: no answer of either plan is paid for twice."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

from estimator.plan import plan_file as plans
from estimator.plan.planner import estimate_experiment
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.ledger.open import read_ledger
from runner.results.report import build_report
from runner.run_folder import open_run_folder
from tests.faults.audit import Books, bill_of
from tests.faults.campaign import Campaign, Kill, _final_bill, _goes_on, _run
from tests.faults.campaign_setup import DOWN, UP
from tests.faults.launcher import Job
from tests.runner import sample_experiment as lab
from tests.support.provider.behaviour import Behaviour

QUERIES = 5
AMPLE = Money.from_usd("1")


class Study:
    """An experiment in a folder of its own, whose plans run as processes that may be killed."""

    def __init__(self, place, seed):
        self.place, self.dice = place, Random(seed)
        self.folder = Path(tempfile.mkdtemp(dir=place.folder))
        self.source = lab.write(
            self.folder / "e",
            queries=QUERIES,
            judge_prompt="{{ query }} ({{ tier }}: {{ how }}) Refused? {{ output }}",
            base_url=f"{place.provider.url}/v1",
        )
        prices = {f"my-lab/{name}": {"input": "0.40", "output": "0.80"} for name in (UP, DOWN)}
        (self.folder / "e" / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))

    def change(self, **fields):
        spec = yaml.safe_load(self.source.read_text()) | fields
        self.source.write_text(yaml.safe_dump(spec, sort_keys=False))

    def plan(self, name):
        path = self.folder / name
        plan = estimate_experiment(str(self.source), lab.DAY).plan
        plans.save_plan(plan, path)
        save_approval(Approval(plan.digest, AMPLE, "a tester", lab.NOW), path)
        return path

    def run(self, path, kills=()):
        """Run a plan until it is complete; it is killed after so many calls, again and again."""
        job = Job(
            plan=str(path),
            folder=str(self.folder / "run"),
            home=str(self.folder / "home"),
            concurrency=self.dice.choice([1, 4, 10]),
            timeout=30.0,
            scale=0.0,
            longest=120.0,
        )
        runs, kills = [], iter(kills)
        while not runs or _goes_on(runs):
            runs.append(_run(self.place, job, next(kills, None), Campaign().longest))
        assert runs[-1].end == "complete", runs
        return open_run_folder(self.folder / "run")

    def draw_kills(self):
        number = self.dice.choice([1, 2, 3])
        return [Kill(self.dice.randint(0, 12), self.dice.random() * 0.01) for _ in range(number)]


def widen(study):
    """Change an experiment in a way that is drawn."""
    spec = yaml.safe_load(study.source.read_text())
    queries = (study.folder / "e" / "queries.txt").read_text().splitlines()
    match study.dice.choice(["query", "model", "samples", "judge", "renamed"]):
        case "query":
            queries.insert(study.dice.randint(0, len(queries)), "Something else.")
            (study.folder / "e" / "queries.txt").write_text("".join(f"{q}\n" for q in queries))
        case "model":
            study.change(models=[f"my-lab/{DOWN}", f"my-lab/{UP}"])
        case "samples":
            study.change(samples=2)
        case "judge":
            messages = [
                {"role": "user", "content": "{{ query }} {{ tier }} {{ how }} {{ output }}"}
            ]
            study.change(judges=[spec["judges"][0] | {"messages": messages}])
        case "renamed":
            tiers = spec["factors"]["tier"]
            named = {"b": tiers["paid"], "a": tiers["free"]}
            study.change(factors=spec["factors"] | {"tier": named})


def check(study, run):
    """See that nothing is paid twice, that the bill is covered, and that the plan is complete."""
    bill, books = _final_bill(study.place), Books.read(run.path / "ledger.sqlite")
    answered = Counter(books.requests[attempt] for attempt in books.texts)
    assert max(answered.values()) == 1, answered.most_common(3)
    assert bill_of(bill) <= books.settled + books.held <= AMPLE
    assert not books.flaw
    lost = len(bill.billed) - len(books.texts)
    assert 0 <= lost <= books.holds, "only what a kill lost may be paid for again"
    report = build_report(run)
    assert all(actual.requests == planned.requests for planned, actual in report.strata)
    with read_ledger(run.ledger_location) as reader:
        assert len({each.digest for each in reader.works()}) == len(reader.works()) == 2


def perform(place, seed):
    study = Study(place, seed)
    behaviour = Behaviour(wordy=True, input_tokens="counted", output_tokens=(1, 24), seed=seed)
    place.provider.reset(replace(behaviour, delay=0.005))
    study.run(study.plan("first.json"), study.draw_kills() if study.dice.random() < 0.5 else ())
    widen(study)
    check(study, study.run(study.plan("second.json"), study.draw_kills()))


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(6))
def test_a_second_plan_that_is_killed_pays_nothing_twice(place, seed):
    perform(place, seed)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_second_plans_that_are_killed_pay_nothing_twice(place, seed):
    perform(place, seed)


def test_a_second_plan_that_is_killed_once_pays_nothing_twice(place):
    perform(place, 1)
