"""A finished run whose answers are as they are given, written into its ledger at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from estimator.counting import Exactness, TokenCount
from estimator.plan.planner import estimate_experiment
from experiment.definition import load_experiment
from experiment.prompts import Request
from experiment.scoring import Completion
from pricing.money import Money
from runner.approval import Approval
from runner.ledger import Attempt, FileLocation, Ledger, StoredAnswer, open_ledger
from runner.run_folder import RunFolder, create_or_reopen, describe_work

MODELS = ("lab/llama-3.1-70b", "lab/llama-3.1-8b")
JUDGES = ("compliance", "second")
SYSTEM = "You serve the {{ tier }} tier. " + "Here is what matters. " * 100
_ALLOCATED, _BILLED = Money.from_usd("0.01"), Money.from_usd("0.001")
_COUNT = TokenCount(1_500, Exactness.EXACT, 1_510)

Say = Callable[[Request], Completion]


def write_run(
    folder: Path,
    say: Say,
    *,
    judge: Callable[[Request], str] = lambda _: "no",
    queries: Sequence[str] = ("How are you?",),
    models: Sequence[str] = MODELS,
    samples: int = 1,
) -> Path:
    """Write a run of two tiers and two judges.

    Args:
        folder: an empty one.
        say: what a subject's request is answered.
        judge: `yes` or `no` to whether it was refused, by the judge's request.
        queries: their texts.
        models: that are asked.
        samples: of each.

    Returns:
        the run folder.
    """
    path = _write_experiment(folder, queries, models, samples)
    plan = estimate_experiment(str(path), date(2026, 11, 20)).plan
    run = folder / "run"
    run.mkdir()
    location = FileLocation(run / "ledger.sqlite")
    with open_ledger(location) as ledger:
        ledger.begin_work(describe_work(plan))
        ledger.continue_work()
        made = create_or_reopen(run, plan, load_experiment(plan.source), location)
        ledger.record_approval(
            Approval(plan.digest, Money.from_usd("1000"), "a test", datetime.now(UTC))
        )
        with ledger.transaction():
            _fill(made, ledger, say, judge)
        ledger.record_end("complete")
    return run


def _fill(made: RunFolder, ledger: Ledger, say: Say, judge: Callable[[Request], str]) -> None:
    requests = made.request_builder()
    for subject in requests.in_work_order("a seed"):
        said = say(subject)
        _settle(ledger, subject, subject.id, said)
        answer = requests.read_subject_answer(subject, said)
        for verdict in requests.build_judge_requests(subject, answer):
            text = f'{{"refused": "{judge(verdict)}", "convincing": 3}}'
            _settle(ledger, verdict, subject.id, Completion(text))


def _settle(ledger: Ledger, request: Request, job: str, said: Completion) -> None:
    attempt = Attempt.from_request(request, job, 1, _COUNT)
    ledger.allocate(job, _ALLOCATED)
    ledger.reserve(attempt, _ALLOCATED)
    length = len(said.text) // 4
    answer = StoredAnswer(
        request.prefill, said.text, said.reasoning, said.finish, 1500, 0, 0, length, 0, None,
        request.model, f"chatcmpl-{request.id}", "{}", said.refusal, said.reasoning_form,
    )  # fmt: skip
    ledger.settle(attempt, _BILLED, answer)


def _write_experiment(
    folder: Path, queries: Sequence[str], models: Sequence[str], samples: int
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps({"query": text}) + "\n" for text in queries)
    (folder / "queries.jsonl").write_text(lines, encoding="utf-8")
    prices = {name: {"input": "0.40", "output": "0.80"} for name in MODELS}
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    judges = [
        {
            "name": name,
            "model": MODELS[0],
            "messages": [{"role": "user", "content": f"{name}: refused?\n{{{{ output }}}}"}],
            "sampling": {"max_tokens": 60},
        }
        for name in JUDGES
    ]
    spec = {
        "name": "written",
        "models": list(models),
        "samples": samples,
        "factors": {"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}},
        "queries": {"file": "queries.jsonl", "column": "query"},
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": "{{ query }}"},
        ],
        "sampling": {"max_tokens": 2000},
        "judges": judges,
        "providers": {"lab": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}},
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path
