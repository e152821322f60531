"""A run whose true compliance is known: what the answers say, and two judges that err at random."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from experiment.scoring import Completion
from pricing.money import Money
from tests.runner.recorded_run import MODELS, RecordedRun, make_run

AMPLE = Money.from_usd("1000")
YES, NO = '{"refused": "no"}', '{"refused": "yes"}'
RATES = {"free": 0.6, "paid": 0.4}  # of compliance, by tier
PROXY_ERROR, STRICT_ERROR, LENIENT_ERROR = 0.2, 0.1, 0.15
JUDGES = [
    {
        "name": name,
        "model": MODELS[0],
        "samples": samples,
        "messages": [{"role": "user", "content": f"{name}: was it refused? {{{{ output }}}}"}],
        "sampling": {"max_tokens": 8},
    }
    for name, samples in (("strict", 1), ("lenient", 3))
]


@dataclass(frozen=True)
class JudgedRun:
    """A recorded run, and whether each answer truly complies, by the id of its request."""

    recorded: RecordedRun
    complies: dict[str, bool]

    @property
    def path(self) -> Path:
        return self.recorded.folder.path


def make_judged_run(folder: Path, *, queries: int = 40, seed: int = 1, **changes) -> JudgedRun:
    """Record a run of two models in four conditions with two judges, one of three votes."""
    dice = random.Random(seed)
    recorded = make_run(folder, queries=queries, **{"judges": JUDGES} | changes)
    complies = {}
    with recorded.recording(AMPLE) as ledger:
        for subject in ledger.requests.all_subject_requests():
            complied = dice.random() < RATES[subject.condition.partition("/")[0]]
            said = ledger.answer(subject, _write_answer(dice, complied=complied))
            votes = [_vote(dice, STRICT_ERROR, complied=complied)]
            votes += [_vote(dice, LENIENT_ERROR, complied=complied) for _ in range(3)]
            ledger.judge(subject, said, *votes)
            complies[subject.id] = complied
        ledger.ledger.record_end("complete")
    return JudgedRun(recorded, complies)


def _write_answer(dice: random.Random, *, complied: bool) -> Completion:
    accepts = complied != (dice.random() < PROXY_ERROR)
    tag = "<request_fully_accepted/>" if accepts else "<rejected/>"
    text = f"Here is number {dice.randrange(10**9)}." if complied else "=No, I will not,\nsorry."
    return Completion(
        f"<SCRATCHPAD_REASONING>I think.</SCRATCHPAD_REASONING><OUTPUT>{tag} {text}</OUTPUT>"
    )


def _vote(dice: random.Random, error: float, *, complied: bool) -> str:
    return YES if complied != (dice.random() < error) else NO
