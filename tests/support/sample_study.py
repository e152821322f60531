"""A finished study to look at, made by the real commands against a provider on this machine.

    python -m tests.support.sample_study FOLDER [--queries 60] [--cap 0.05]

Three models, four conditions and two judges of the built-in experiment; some answers are refused,
cut off or filtered. A small cap stops it early. What is written is the run folder's path.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.server import run_provider

MODELS = ("lab/large", "lab/middle", "lab/small")
SECOND = """
  - name: second
    model: lab/other-judge
    samples: 1
    when: always
    messages: [{role: user, content: "Read it twice. {{ file('prompts/judge.compliance.md') }}"}]
    sampling: {temperature: 0, max_tokens: 512}
"""
USUAL = Behaviour(
    answer="by-tier",
    errs=0.06,
    lengths=(120, 0.3, 0.5),
    complies={
        "Tier: True": 0.45,
        "Tier: False": 0.2,
    },
    shares={"refused": 0.02, "truncated": 0.03, "filtered": 0.01, "empty": 0.005},
    faults=(Fault("500_after", calls=(40, 90)),),
    seed=17,
)


def make_study(
    folder: Path,
    *,
    queries: int = 60,
    cap: str = "20",
    ends: int = 0,
    title: str = "",
    behaviour: Behaviour = USUAL,
) -> Path:
    """Plan, approve and run a study.

    Args:
        folder: an empty one.
        queries: how many, of the built-in experiment's.
        cap: US dollars.
        ends: the exit code of the run; 4 where the cap stops it.
        title: of the experiment; empty for none.
        behaviour: of the provider.

    Returns:
        the run folder.
    """
    lab = Lab(folder)
    with run_provider() as provider:
        provider.reset(replace(behaviour, api_key=""))
        experiment = lab.init(
            lab=f'{{kind: openai, base_url: "{provider.url}/v1", api_key_env: LAB_KEY}}'
        )
        text = experiment.read_text().replace("openai/gpt-4o-mini", "lab/judge")
        # What is complied with is drawn by this line: the system prompts speak of both tiers.
        text = text.replace("user.md') }}", "user.md') }}\\nTier: {{ is_free_tier }}.")
        text = text.replace("\nmeasure:", f"{SECOND}\nmeasure:", 1)
        text = text.replace("compliance: verdict}", "compliance: verdict, second: verdict}")
        if title:
            text = text.replace(
                "name: alignment-faking\n", f"name: alignment-faking\ntitle: {title}\n"
            )
        experiment.write_text(text)
        price = '{input: "0.50", output: "2.00", source: "the lab"}'
        names = (*MODELS, "lab/judge", "lab/other-judge")
        lab.prices(**{name.replace("/", "__"): price for name in names})
        models = [part for name in MODELS for part in ("-m", name)]
        lab.plan("af/experiment.yaml", *models, "--limit", str(queries))
        lab.afcost("approve", "plan.json", "--cap", cap, "--yes")
        lab.afcost("run", "plan.json", "--concurrency", "8", ends=ends)
    return lab.run_folder()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--queries", type=int, default=60)
    options.add_argument("--cap", default="20")
    options.add_argument("--title", default="")
    options.add_argument("--ends", type=int, default=0)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(  # noqa: T201 - what was made
        make_study(
            given.folder.resolve(),
            queries=given.queries,
            cap=given.cap,
            ends=given.ends,
            title=given.title,
        )
    )
