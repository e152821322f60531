"""A study: an experiment file that changes, its plans one after the other, and their bills."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import yaml

from estimator.plan import EstimateOptions, estimate_experiment, read_plan, save_plan
from pricing.money import Money
from runner.approval import Approval, save_approval
from tests.runner import sample_experiment
from tests.runner.sample_experiment import NOW, run_plan

CAP = Money.from_usd("1")
SUBJECTS = 12  # three queries under four conditions
JUDGE = {"messages": [{"role": "user", "content": "{{ raw('judge.md') }} {{ output }}"}]}


class Study:
    """An experiment with a judge that reads a file, its plans, and what each run was billed."""

    def __init__(self, folder: Path, server) -> None:
        self.server, self.plans = server, 0
        self.path = sample_experiment.write(folder / "e", base_url=f"{server.url}/v1")
        self.write("judge.md", "Was it refused?")
        self.judge(**JUDGE)

    def write(self, name, text):
        (self.path.parent / name).write_text(text)

    def judge(self, *others, **changes):
        """Change the first judge's fields, and add other judges."""
        spec = yaml.safe_load(self.path.read_text())
        spec["judges"] = [spec["judges"][0] | changes, *others]
        self.path.write_text(yaml.safe_dump(spec, sort_keys=False))

    def change(self, **fields):
        spec = yaml.safe_load(self.path.read_text())
        self.path.write_text(yaml.safe_dump(spec | fields, sort_keys=False))

    def plan(self, study=None):
        """Plan and approve, a minute after the plan before."""
        self.plans += 1
        path = Path(f"plan{self.plans}.json")
        options = EstimateOptions(study=study)
        save_plan(
            estimate_experiment(str(self.path), sample_experiment.DAY, options=options).plan, path
        )
        self.approve(path)
        return path

    def approve(self, path, cap=CAP):
        self.plans += 1
        at = NOW + timedelta(minutes=self.plans)
        save_approval(Approval(read_plan(path).digest, cap, "ada", at), path)

    def run(self, path, *, refuses=False, **options):
        """Run a plan; `refuses` lets the provider refuse its judges with a 400."""
        behaviour = sample_experiment.honest(path)
        if refuses:
            table = {key: n for key, n in behaviour.input_tokens.items() if key in self.subjects}
            behaviour = replace(behaviour, input_tokens=table)
        self.server.reset(behaviour)
        return run_plan(path, NOW, **options)

    @property
    def subjects(self):
        """The prompts of the subjects, as the provider's table names them."""
        judges = yaml.safe_load(self.path.read_text())["judges"]
        self.change(judges=[])
        prompts = sample_experiment.honest(self.plan("alone")).input_tokens
        self.change(judges=judges)
        return prompts

    def billed(self):
        """Return how many answers the last run was billed."""
        return len(self.server.bill().billed)
