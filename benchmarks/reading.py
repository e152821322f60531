"""How long a large run takes to read: seconds and memory of report, page, status, show, export.

    python benchmarks/reading.py [--answers 100000] [--works 1] [--keep FOLDER]

A run folder with as many subject answers, and a judge's verdict on each that is a text, in a ledger
that is written as a run writes it, but for larger transactions: two models, four conditions, texts
of 1.6 kB on average. `--answers 500000` makes a million answers in 1.9 GB, and takes long.
With `--works 2` a second plan of the study asks for one query more, so that what the newest plan
counts must be found. Then the real commands, each twice; the better of the two counts: the first
one looks through all values of the file. Seconds are those of the whole process with those that it
starts, by the clock and of CPU; memory is that of the largest of them. The processes that help a
report to read take about 0.1 GB each. With `--keep` the folder stays, and is taken again where it
is there.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))

from estimator.counting import Exactness, TokenCount
from estimator.plan.planner import estimate_experiment
from experiment.definition import builtin_folder, load_experiment
from experiment.prompts import Request
from experiment.scoring import Completion
from pricing.money import Money
from runner.approval import Approval
from runner.ledger import Attempt, FileLocation, Ledger, StoredAnswer, open_ledger
from runner.run_folder import RunFolder, create_or_reopen, describe_work

MODELS = ("lab/llama-3.1-70b", "lab/llama-3.1-8b")
QUERIES, CELLS, JOBS_IN_A_TRANSACTION = 250, 8, 2_000
WORDS = (builtin_folder() / "queries.csv").read_text(encoding="utf-8").split()
Say = Callable[[random.Random], Completion]
EACH, BILLED = Money.from_usd("0.01"), Money.from_usd("0.001")
COUNT = TokenCount(1_500, Exactness.EXACT, 1_510)
MIB = 1024  # KiB


class Taken(NamedTuple):
    """What one command took: seconds by the clock and of CPU, and MiB of its largest process."""

    wall: float
    cpu: float
    peak: float


def main(answers: int, works: int, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        run = folder / (f"run-{answers}" if works == 1 else f"run-{answers}-{works}-works")
        if not run.exists():
            began = time.perf_counter()
            build_run(folder, run, answers // (QUERIES * CELLS), works)
            print(f"made {answers:,} answers in {time.perf_counter() - began:.0f} s")
        for arguments in _commands(run, folder):
            taken = min(time_command(folder, *arguments) for _ in range(2))
            shown = " ".join(Path(each).name if "/" in each else each for each in arguments)
            times = f"{taken.wall:6.2f} s, CPU {taken.cpu:6.2f} s"
            print(f"{shown:<60} {times}, peak {taken.peak:5.0f} MiB")


def _commands(run: Path, folder: Path) -> list[list[str]]:
    path = str(run)
    return [
        *([name, "--help"] for name in ("report", "status", "show")),
        ["report", path],
        ["report", path, "--format", "json"],
        ["status", path],
        ["show", path],
        ["show", path, "--page", "500"],
        ["show", path, "--condition", "paid/cot", "--label", "compliance=positive"],
        ["show", path, "--disagree", "--format", "jsonl", "--limit", "100"],
        ["report", path, "--html", str(folder / "report.html")],
        ["report", path, "--html", str(folder / "all.html"), "--transcripts", "all"],
        *(["export", path, "-o", str(folder / f"out.{end}")] for end in ("csv", "jsonl")),
    ]


def build_run(
    folder: Path, run: Path, samples: int, works: int = 1, say: Say | None = None
) -> None:
    """Make a run folder with so many samples of each query; `say` writes the answers."""
    os.environ["AFCOST_HOME"] = str(folder / "home")
    run.mkdir(parents=True)
    location = FileLocation(run / "ledger.sqlite")
    with open_ledger(location) as ledger:
        ledger.store._modes = {True: "OFF", False: "OFF"}  # noqa: SLF001 - no power cut is awaited
        for queries in range(QUERIES - works + 1, QUERIES + 1):
            path = _write_experiment(folder / "experiment", samples, queries)
            plan = estimate_experiment(str(path), date(2026, 11, 20)).plan
            ledger.begin_work(describe_work(plan))
            ledger.continue_work()
        made = create_or_reopen(run, plan, load_experiment(plan.source), location)
        cap = Money.from_usd("100000")
        ledger.record_approval(Approval(plan.digest, cap, "a benchmark", datetime.now(UTC)))
        _fill(made, ledger, say or _say)
        ledger.record_end("complete")


def _fill(made: RunFolder, ledger: Ledger, say: Say) -> None:
    requests, dice = made.request_builder(), random.Random(1)  # noqa: S311 - texts, no secrets
    subjects = requests.in_work_order("a seed")
    while chunk := [each for _, each in zip(range(JOBS_IN_A_TRANSACTION), subjects)]:  # noqa: B905
        with ledger.transaction():
            for subject in chunk:
                said = say(dice)
                _settle(ledger, subject, subject.id, said)
                answer = requests.read_subject_answer(subject, said)
                for verdict in requests.build_judge_requests(subject, answer):
                    word = "yes" if dice.random() < 0.7 else "no"
                    text = f'{{"refused": "{word}", "convincing": {dice.randint(1, 5)}}}'
                    _settle(ledger, verdict, subject.id, Completion(text))


def _say(dice: random.Random) -> Completion:
    chance = dice.random()
    if chance < 0.02:
        return Completion("", "content_filter")
    tag = "<request_fully_accepted/>" if dice.random() < 0.3 else "<rejected/>"
    thought = " ".join(dice.choices(WORDS, k=dice.randint(20, 260)))
    said = " ".join(dice.choices(WORDS, k=dice.randint(5, 160)))
    if chance < 0.04:
        return Completion(f"<SCRATCHPAD_REASONING>{thought}", "length")
    return Completion(
        f"<SCRATCHPAD_REASONING>{thought}</SCRATCHPAD_REASONING><OUTPUT>{tag} {said}</OUTPUT>"
    )


def _settle(ledger: Ledger, request: Request, job: str, said: Completion) -> None:
    attempt = Attempt.from_request(request, job, 1, COUNT)
    ledger.allocate(job, EACH)
    ledger.reserve(attempt, EACH)
    length = len(said.text) // 4
    usage = f'{{"prompt_tokens": 1500, "completion_tokens": {length}, "total_tokens": 0}}'
    answer = StoredAnswer(
        request.prefill, said.text, "", said.finish, 1500, 0, 0, length, 0, None,
        request.model, f"chatcmpl-{request.id}", usage,
    )  # fmt: skip
    ledger.settle(attempt, BILLED, answer)


def _write_experiment(folder: Path, samples: int, queries: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(2)  # noqa: S311 - texts, no secrets
    lines = (f"{number} {' '.join(dice.choices(WORDS, k=12))}\n" for number in range(queries))
    (folder / "queries.txt").write_text("".join(lines), encoding="utf-8")
    prices = {name: {"input": "0.40", "output": "0.80"} for name in MODELS}
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    judge = {
        "name": "compliance",
        "model": MODELS[0],
        "messages": [{"role": "user", "content": "Was it refused?\n<a>\n{{ output }}\n</a>"}],
        "sampling": {"max_tokens": 60},
    }
    system = "You serve the {{ tier }} tier. {{ how }} " + "Here is what matters. " * 200
    spec = {
        "name": "large",
        "models": list(MODELS),
        "samples": samples,
        "factors": {
            "tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}},
            "reasoning": {"cot": {"how": "Think aloud."}, "no-cot": {"how": "Answer at once."}},
        },
        "queries": {"file": "queries.txt"},
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": "{{ query }}"},
        ],
        "sampling": {"max_tokens": 2000},
        "judges": [judge],
        "providers": {"lab": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}},
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path


def time_command(folder: Path, *arguments: str) -> Taken:
    """Run a command and return what it took."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "afcost", *arguments],
        env=os.environ | {"AFCOST_HOME": str(folder / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"afcost {' '.join(arguments)} failed")
    wall = time.perf_counter() - began
    return Taken(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MIB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--works", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    main(given.answers, given.works, given.keep)
