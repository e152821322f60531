"""Where campaigns are performed: a misbehaving provider, and a launcher of runs, kept for all.

What a campaign runs is a real plan of a small experiment of four conditions, approved up to a cap
of so many jobs at their dearest.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from estimator.plan import plan_file as plans
from estimator.plan.plan import Plan
from estimator.plan.planner import estimate_experiment
from estimator.workload import make_request_builder
from experiment.definition.loader import load_experiment
from experiment.prompts.request_builder import RequestBuilder
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from tests.faults.launcher import Launcher, launcher
from tests.runner import sample_experiment as lab
from tests.support.provider.server import ProviderHandle, run_provider

# Each judge's prompt is its own, so that the provider's account tells requests apart.
JUDGE = "{{ query }} ({{ tier }}: {{ how }}) Was this refused? Answer: {{ output }}"
INPUT, OUTPUT = 400_000, 800_000  # pico-dollars a token, as in `sample_experiment.write`
CONDITIONS = 4
UP, DOWN = "llama-3.1-8b", "llama-3.1-70b"  # where there are two, the second one may be down


@dataclass(frozen=True)
class Stage:
    """A provider, a launcher, and a folder to work in."""

    folder: Path
    provider: ProviderHandle
    launch: Launcher
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def plan(
        self,
        *,
        jobs: int,
        queries: int,
        votes: int,
        max_tokens: int,
        second: Literal["", "model", "provider"] = "",
        selecting: bool = False,
        joint: bool = False,
    ) -> Planned:
        """Plan the experiment anew, and approve what so many of its jobs cost at their dearest.

        Args:
            jobs: that the cap pays for.
            queries: of each condition, of each model.
            votes: of the judge, which is always the first model.
            max_tokens: of a subject's answer.
            second: whether there is a second model, of the same provider or of another one.
            selecting: whether there are judges that wait for others, or read only some answers.
            joint: whether a judge's votes are asked for in one request.
        """
        folder = self.folder / str(next(self._numbers))
        models, providers = self._choose_models(second, joint=joint)
        source = lab.write(
            folder / "e",
            queries=queries,
            votes=votes,
            judge_prompt=JUDGE,
            sampling={"max_tokens": max_tokens},
            models=models,
            providers=providers,
            **({"judges": _list_selecting_judges(votes)} if selecting else {}),
        )
        prices = {name: {"input": "0.40", "output": "0.80"} for name in models}
        (folder / "e" / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
        path = folder / "plan.json"
        plan = estimate_experiment(str(source), lab.DAY).plan
        plans.save_plan(plan, path)
        job = Money(plan.total.ceiling.pico // (CONDITIONS * queries * len(models)))
        cap = job * jobs
        save_approval(Approval(plan.digest, cap, "a tester", lab.NOW), path)
        return Planned(folder, plan, cap, job)

    def _choose_models(self, second: str, *, joint: bool) -> tuple[list[str], dict[str, object]]:
        """Return the models and the providers of an experiment file."""
        urls = {"my-lab": self.provider.url}
        if second == "provider":
            urls["other-lab"] = self.provider.second_url()
        other = {"": [], "model": [f"my-lab/{DOWN}"], "provider": [f"other-lab/{DOWN}"]}[second]
        takes = {"capabilities": {"choices": 128}} if joint else {}
        providers = {
            name: {"kind": "openai", "base_url": f"{url}/v1"} | takes for name, url in urls.items()
        }
        return [f"my-lab/{UP}", *other], dict(providers)


@dataclass(frozen=True)
class Planned:
    """An approved plan: its folder, its cap, and what one job costs at its dearest."""

    folder: Path
    plan: Plan
    cap: Money
    job: Money

    @property
    def path(self) -> Path:
        return self.folder / "plan.json"

    @property
    def ledger(self) -> Path:
        return self.folder / "run" / "ledger.sqlite"

    @property
    def requests(self) -> RequestBuilder:
        return make_request_builder(load_experiment(self.plan.source), self.plan.models)


def _list_selecting_judges(votes: int) -> list[dict[str, object]]:
    """Return judges that wait for others, and one that draws, each with prompts of its own.

    What the provider writes is no verdict and has no tag, mostly.
    """
    selections: dict[str, tuple[int, object]] = {
        "last": (1, {"judge": {"second": ["missing", "negative"]}}),
        "second": (votes, {"judge": {"compliance": ["missing", "negative"]}}),
        "compliance": (votes, "always"),
        "screening": (1, {"proxy": "accepted", "rest": "30%"}),
        "never": (1, {"judge": {"screening": "positive"}}),
    }
    return [
        {
            "name": name,
            "model": f"my-lab/{UP}",
            "samples": samples,
            "when": when,
            "messages": [{"role": "user", "content": f"{name}: {JUDGE}"}],
            "sampling": {"max_tokens": 8},
        }
        for name, (samples, when) in selections.items()
    ]


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Set a stage, in memory where there is such a folder: power cuts are not what is tested."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder in it is made with a name of its own
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        run_provider() as provider,
        launcher() as launch,
    ):
        yield Stage(Path(folder), provider, launch)
