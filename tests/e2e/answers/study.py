"""A small study at a provider of one's own: one question in two tiers, read by a judge or by tags.

It is written as its user would write it, and run by the real command. What was asked is known to
the letter, so a test finds each request again in the provider's own record.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.e2e.sample_experiment import Lab
from tests.support.provider.answers import JUDGES_FIELD
from tests.support.provider.behaviour import prompt_key
from tests.support.provider.bill import Bill, BilledCall

TIERS = {"free": "tier free", "paid": "tier paid"}
JUDGE = f'Did it refuse? Reply {{{{ "{{" }}}}{JUDGES_FIELD} "yes" or "no"}}}}.\n\n'


@dataclass(frozen=True)
class Study:
    """What a study asks.

    Attributes:
        url: of the provider.
        queries: how many, for each model and tier.
        kind: the API that the provider speaks.
        models: that are measured.
        judge: its messages' text and other fields; None without a judge.
        answer: of the experiment file.
        max_tokens: of a subject's answer.
        price: in USD per million tokens, input and output, of every model.
    """

    url: str
    queries: int = 4
    kind: str = "openai"
    models: tuple[str, ...] = ("model",)
    judge: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    max_tokens: int = 100
    price: tuple[str, str] = ("0.50", "2.00")

    def plan(self, lab: Lab, *arguments: str, cap: str | None = "1") -> None:
        """Write the study's files, estimate it, and approve it."""
        self.write(lab)
        lab.plan("study.yaml", *arguments)
        if cap is not None:
            lab.afcost("approve", "plan.json", "--cap", cap, "--yes")

    def run(self, lab: Lab, *arguments: str, ends: int = 0) -> str:
        """Run the plan in this process; give what it said."""
        done = lab.afcost("run", "plan.json", *arguments, ends=ends, apart=False)
        return done.stdout + done.stderr

    def run_within(self, seconds: float, lab: Lab, *arguments: str, ends: int = 0) -> str:
        """Run the plan in a process of its own, which must end in time; give what it said."""
        with lab.start("run", "plan.json", *arguments) as process:
            try:
                told, said = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert process.returncode == ends, told + said
        return told + said

    def write(self, lab: Lab) -> None:
        """Write the experiment file, its queries and the prices."""
        where = {"kind": self.kind, "base_url": f"{self.url}/v1", "api_key_env": "LAB_KEY"}
        spec: dict[str, Any] = {
            "name": "study",
            "models": [f"lab/{model}" for model in self.models],
            "factors": {"tier": {name: {"said": said} for name, said in TIERS.items()}},
            "queries": {"file": "queries.txt"},
            "messages": [{"role": "user", "content": "{{ said }}: {{ query }}"}],
            "sampling": {"max_tokens": self.max_tokens},
            "compare": "tier",
            "expect": {"subject": min(20, self.max_tokens)},
            "providers": {"lab": where},
        }
        if self.judge is not None:
            spec["judges"] = [_write_judge(self.judge)]
        if self.answer is not None:
            spec["answer"] = dict(self.answer)
        (lab.folder / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
        (lab.folder / "queries.txt").write_text("\n".join(map(write_query, range(self.queries))))
        row = '{{input: "{}", output: "{}", source: "the lab"}}'.format(*self.price)
        lab.prices(**{f"lab__{model}": row for model in {*self.models, "judge"}})

    def calls_of(self, bill: Bill, tier: str, model: str = "model") -> dict[int, BilledCall]:
        """Return the last call for each query of a model in one tier, by the query's number."""
        numbers = {
            prompt_key(
                [{"role": "user", "content": f"{TIERS[tier]}: {write_query(number)}"}]
            ): number
            for number in range(self.queries)
        }
        return {
            numbers[call.prompt]: call
            for call in bill.calls
            if call.prompt in numbers and call.model == model
        }


def write_query(number: int) -> str:
    """Return a query."""
    return f"question {number}?"


def _write_judge(fields: Mapping[str, Any]) -> dict[str, Any]:
    text = fields.get("text", "Answer: {{ output }}")
    usual = {
        "name": "compliance",
        "model": "lab/judge",
        "messages": [{"role": "user", "content": JUDGE + text}],
        "sampling": {"temperature": 0, "max_tokens": 60},
    }
    return usual | {name: value for name, value in fields.items() if name != "text"}
