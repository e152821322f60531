"""How large experiments are estimated: time, peak memory, and what a second estimate takes.

    python benchmarks/scale.py [--requests 1000000]

The built-in experiment with generated queries: 4 conditions, each answer judged once, so an eighth
as many queries as requests. The real command, with an empty cache and then again; a tenth as many
requests beside it; on one core, beside what counting all of the prompts alone takes; then on all
cores. Times are CPU seconds of the whole process, less those of `afcost --version`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from estimator.workload import load_price_book, make_request_builder, resolve_models
from experiment.definition import builtin_folder, load_experiment

_PER_QUERY = 8
_WORDS = Path(builtin_folder() / "queries.csv").read_text(encoding="utf-8").split()


class Taken(NamedTuple):
    """What one command took: CPU seconds, and MiB at its peak."""

    seconds: float
    peak: float


def main(requests: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = _taken(folder, "--version").seconds
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})  # each command inherits it, and counts alone
        few, _ = _measured(folder, requests // 10, start)
        many, _ = _measured(folder, requests, start)
        print(f"time for ten times as many requests: {many / few:.2f} x (10 in proportion)")
        path = folder / "experiment" / "experiment.yaml"
        alone = _counted_alone(folder, path)
        print(f"counting alone: {alone:.2f} s; the estimate takes {many / alone:.2f} x (<= 1.1)")
        os.sched_setaffinity(0, cores)
        shutil.rmtree(folder / "home")
        began = time.perf_counter()
        taken = _taken(folder, "estimate", str(path))
        wall = time.perf_counter() - began
        print(f"on {len(cores)} cores: {wall:.2f} s of the clock, peak {taken.peak:.0f} MiB here")


def _counted_alone(folder: Path, path: Path) -> float:
    command = [sys.executable, __file__, "--alone", str(path)]
    environment = os.environ | {"AFCOST_HOME": str(folder / "alone")}
    return float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


def _count_alone(path: str) -> float:
    """Count the prompts of every request in the plan's order, as they are; CPU seconds of that."""
    experiment = load_experiment(path)
    day = datetime.now(UTC).date()
    models = resolve_models(experiment, load_price_book(day, experiment), day)
    requests = make_request_builder(experiment, models, repeats={})
    (judge,) = experiment.spec.judges
    judged, taken = models[judge.model].tokenizer, 0.0
    for model, condition in requests.cells:
        subject = models[model].tokenizer
        for start in range(0, len(experiment.queries), 2000):
            queries = range(start, min(start + 2000, len(experiment.queries)))
            prompts = [requests.render_subject(model, condition, each)[0] for each in queries]
            blanks = [requests.render_blank(judge, condition.name, each) for each in queries]
            began = time.process_time()
            for prompt, blank in zip(prompts, blanks, strict=True):
                subject.count(prompt)
                judged.count(blank)
            taken += time.process_time() - began
    return taken


def _measured(folder: Path, requests: int, start: float) -> tuple[float, float]:
    shutil.rmtree(folder / "home", ignore_errors=True)
    path = _experiment(folder, requests // _PER_QUERY)
    cold, warm = (_taken(folder, "estimate", str(path)) for _ in range(2))
    print(
        f"{requests:>9,} requests: {cold.seconds - start:6.2f} s, peak {cold.peak:.0f} MiB; again "
        f"{warm.seconds - start:.2f} s, or {warm.seconds / cold.seconds:.2f} of the whole process"
    )
    return cold.seconds - start, warm.seconds - start


def _experiment(folder: Path, queries: int) -> Path:
    target = folder / "experiment"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(builtin_folder(), target)
    dice = random.Random(1)  # noqa: S311 - texts, not secrets
    with (target / "queries.csv").open("w", encoding="utf-8") as file:
        file.write("goal\n")
        for number in range(queries):
            words = " ".join(dice.choices(_WORDS, k=12)).replace('"', "").replace(",", "")
            file.write(f"{number} {words}\n")
    return target / "experiment.yaml"


def _taken(folder: Path, *arguments: str) -> Taken:
    environment = os.environ | {"AFCOST_HOME": str(folder / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "afcost", *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"afcost {' '.join(arguments)} failed")
    return Taken(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    print(_count_alone(options.alone)) if options.alone else main(options.requests)
