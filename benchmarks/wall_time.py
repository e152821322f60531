"""How often the range of a plan's wall time holds.

    python benchmarks/wall_time.py              # simulated runs, a minute
    python benchmarks/wall_time.py --real       # and runs against a server of its own, five minutes

Simulated: jobs of an answer and its verdict, lengths lognormal, in a random order; a place on the
wire, slow start of each model, and a limit of requests that is spread evenly. `known`: the forecast
has the speeds and mean lengths that the answers are drawn by. `timed`: it has what 50 calls of a
run before showed, and the speed of this one has drifted from that as the forecast assumes. `prior`:
it has the priors, and the models and mean lengths are drawn from them. `live`: how often the range
of the rest of a run held at moments of it, with the median of what it took over what was likely.

Real: the server answers after a first-token time and some milliseconds for each token. A small run
is timed first; a second, larger study is forecast from it, then run. While it goes on, each look
says how long the rest takes.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parent.parent))

from estimator.plan import estimate_experiment, save_plan
from estimator.wall_time import (
    AccountLimits,
    CallLoad,
    PlanTime,
    Speed,
    TimedCall,
    TokenTotal,
    find_plan_time,
    find_prior_speed,
    find_wall_time,
    fit_speed,
)
from estimator.workload import StratumKey
from pricing.money import Money
from providers.registry import load_providers
from runner.approval import Approval, save_approval
from runner.forecasting import LiveView
from runner.launch import RunOptions, execute_plan
from runner.timing import RunPace, TimeLeft, find_known_speeds, find_time_left

TRIALS = 200
# jobs of each model under study, mean tokens, concurrency, requests a minute of the first model
CELLS = (
    (((10, 600),), 10, None),
    (((100, 600),), 10, None),
    (((1_000, 600),), 10, None),
    (((200, 600),), 100, None),
    (((2_000, 300),), 50, None),
    (((100, 600), (100, 1_500)), 10, None),
    (((300, 300),), 50, 60.0),
    (((600, 300), (300, 600)), 40, 120.0),
)
CV_SQUARED, VERDICT = 1.2, 190.0
JUDGE = "judge"


def make_loads(models: tuple[tuple[int, float], ...], spread: float = 1.0) -> list[CallLoad]:
    loads = [_load("subject", f"m{at}", *each, spread) for at, each in enumerate(models)]
    jobs = sum(number for number, _ in models)
    return [*loads, _load("compliance", JUDGE, jobs, VERDICT, 1.0)]


def _load(stage: str, model: str, number: int, tokens: float, spread: float) -> CallLoad:
    total = number * tokens
    lengths = TokenTotal(total / spread, total, total * spread)
    return CallLoad(stage, model, "lab", number, number * 800, lengths, number * 8192)


class Simulation:
    """A run, event by event."""

    def __init__(
        self,
        rng: random.Random,
        loads: list[CallLoad],
        speeds: dict[str, Speed],
        concurrency: int,
        rpm: float | None,
    ) -> None:
        self.rng, self.speeds, self.concurrency, self.rpm = rng, speeds, concurrency, rpm
        self.jobs = [
            [self._draw(load), self._draw(loads[-1])]
            for load in loads[:-1]
            for _ in range(int(load.requests))
        ]
        rng.shuffle(self.jobs)
        self.ramp = dict.fromkeys(speeds, 1)
        self.calls: list[tuple[float, float, str, int]] = []  # start, end, model, tokens

    def _draw(self, load: CallLoad) -> tuple[str, float, int]:
        s = math.sqrt(math.log1p(load.cv_squared))
        mean = load.output.likely / load.requests
        tokens = min(mean * math.exp(self.rng.gauss(0, s) - s * s / 2), 8192)
        speed = self.speeds[load.model]
        return load.model, speed.first + tokens * speed.per_token, round(tokens)

    def run(self) -> float:
        """Return how long it takes, in seconds."""
        inside, waiting, events = dict.fromkeys(self.ramp, 0), list[tuple[int, int]](), []
        begun = flying = 0
        now, gate = 0.0, 0.0
        while begun < len(self.jobs) or waiting or events:
            while begun < len(self.jobs) and len(waiting) < self.concurrency // 4 + 1:
                waiting.append((begun, 0))
                begun += 1
            for job, step in list(waiting):
                model, seconds, tokens = self.jobs[job][step]
                is_limited = self.rpm is not None and model == "m0"
                if flying >= self.concurrency or inside[model] >= self.ramp[model]:
                    continue
                start = max(now, gate) if is_limited else now
                if is_limited:
                    gate = start + 60 / (self.rpm or 1)
                waiting.remove((job, step))
                inside[model] += 1
                flying += 1
                self.calls.append((start, start + seconds, model, tokens))
                heapq.heappush(events, (start + seconds, job, step))
            now, job, step = heapq.heappop(events)
            model = self.jobs[job][step][0]
            inside[model] -= 1
            flying -= 1
            self.ramp[model] = min(self.ramp[model] + 3, self.concurrency)
            if step == 0:
                waiting.insert(0, (job, 1))
        return now


def time_calls(rng: random.Random, speed: Speed, tokens: float) -> Speed:
    """Return the speed that 50 calls show."""
    s = math.sqrt(math.log1p(CV_SQUARED))
    lengths = [max(round(tokens * math.exp(rng.gauss(0, s) - s * s / 2)), 1) for _ in range(50)]
    calls = [TimedCall(each, speed.first + each * speed.per_token) for each in lengths]
    return fit_speed(calls, "history", "") or speed


def slow_down(speed: Speed, factor: float) -> Speed:
    return replace(speed, first=speed.first * factor, per_token=speed.per_token * factor)


def simulate(kind: str, cell: int) -> str:
    rng = random.Random(f"{kind} {cell}")  # noqa: S311 - a simulation
    models, concurrency, rpm = CELLS[cell]
    inside = below = 0
    widths, errors = [], []
    for _ in range(TRIALS):
        names = [*(f"m{at}" for at in range(len(models))), JUDGE]
        true = {name: Speed(1.0, 1 / 70, 0.0, "history", "") for name in names}
        loads = make_loads(models)
        expected, told = loads, true
        if kind == "timed":
            told = {n: time_calls(rng, each, 400) for n, each in true.items()}
            true = {n: slow_down(s, math.exp(rng.gauss(0, 0.2))) for n, s in true.items()}
        elif kind == "prior":
            told = {name: find_prior_speed(f"lab/{name}-70b") for name in names}
            off, common = rng.gauss(0, 1), 1.61
            true = {n: slow_down(s, math.exp(s.sigma * off)) for n, s in told.items()}
            expected = make_loads(models, common)
            length = math.exp(rng.gauss(0, 1) * math.log(common) / 1.6449)
            loads = [
                each if each.model == JUDGE else replace(each, output=each.output.times(length))
                for each in loads
            ]
        limits = {"m0": AccountLimits(rpm)} if rpm else {}
        wall = find_wall_time(expected, told, limits, concurrency)
        took = Simulation(rng, loads, true, concurrency, rpm).run()
        inside += wall.low <= took <= wall.high
        below += took < wall.low
        widths.append(wall.high / wall.low)
        errors.append(took / wall.likely)
    jobs = " + ".join(f"{number:,} x {tokens:,.0f}" for number, tokens in models)
    limit = f", {rpm:.0f}/min" if rpm else ""
    return (
        f"{kind:6} {jobs:>24} tokens, {concurrency:3} in flight{limit:9} "
        f"inside {inside / TRIALS:4.0%}, below {below / TRIALS:4.0%}; "
        f"high / low {sorted(widths)[TRIALS // 2]:5.2f}; "
        f"took / likely {sorted(errors)[TRIALS // 2]:.2f}"
    )


def follow(cell: int) -> str:
    """Say how often the range of the rest held, over looks at a tenth to nine tenths of runs."""
    rng = random.Random(f"live {cell}")  # noqa: S311 - a simulation
    models, concurrency, rpm = CELLS[cell]
    names = [*(f"m{at}" for at in range(len(models))), JUDGE]
    true = {name: Speed(1.0, 1 / 70, 0.0, "history", "") for name in names}
    loads = make_loads(models)
    told: dict[int, list[float]] = {tenth: [] for tenth in (1, 3, 5, 7, 9)}
    held = dict.fromkeys(told, 0)
    for _ in range(TRIALS // 2):
        run = Simulation(rng, loads, true, concurrency, rpm)
        took = run.run()
        for tenth, shares in told.items():
            left = look_at(run, took * tenth / 10, loads)
            if left is not None:
                rest = took * (10 - tenth) / 10
                shares.append(rest / left.likely)
                held[tenth] += left.low <= rest <= left.high
    said = "; ".join(
        f"{tenth}0% {held[tenth] / len(each):4.0%} ({sorted(each)[len(each) // 2]:.2f})"
        for tenth, each in told.items()
        if each
    )
    jobs = " + ".join(f"{number:,} x {tokens:,.0f}" for number, tokens in models)
    limit = f", {rpm:.0f}/min" if rpm else ""
    return f"live   {jobs:>24} tokens, {concurrency:3} in flight{limit:9} held after {said}"


def look_at(run: Simulation, now: float, loads: list[CallLoad]) -> TimeLeft | None:
    """Return what a look at a moment says of the rest."""
    pace = RunPace({load.model: find_prior_speed(f"lab/{load.model}-70b") for load in loads})
    left = {load.model: load.requests for load in loads}
    stages = {load.model: load.stage for load in loads}
    events = [(start, 0, n) for n, (start, *_) in enumerate(run.calls)]
    events += [(end, 1, n) for n, (_, end, *_) in enumerate(run.calls)]
    for at, is_end, n in sorted(each for each in events if each[0] <= now):
        if not is_end:
            pace.begin(str(n), at)
            continue
        _, _, model, tokens = run.calls[n]
        pace.finish(str(n), at, StratumKey(stages[model], model, ""), tokens)
        left[model] -= 1
    rest = [
        (
            StratumKey(load.stage, load.model, ""),
            left[load.model],
            load.output.likely / load.requests,
        )
        for load in loads
    ]
    return find_time_left(pace, rest, now)


# --- real runs ---------------------------------------------------------------------------------

EXPERIMENT = """
name: {name}
models: [lab/model]
factors: {{tier: {{free: {{tag: "True"}}, paid: {{tag: "False"}}}}}}
queries: {{file: queries.txt}}
messages: [{{role: user, content: "{{{{ tag }}}} {{{{ query }}}}"}}]
sampling: {{max_tokens: 2000}}
providers: {{lab: {{kind: openai, base_url: "{url}/v1"}}}}
"""
FIRST, PER_TOKEN, TOKENS = 0.1, 0.002, 150.0
# jobs, concurrency, requests a minute
REAL = (
    (20, 10, None),
    (100, 10, None),
    (1_000, 10, None),
    (400, 40, None),
    (2_000, 40, None),
    (150, 10, 90.0),
)


async def serve(rpm: float) -> None:
    """Answer as a model of known speed does; its bucket refills evenly."""
    rng, state = random.Random(7), {"left": rpm, "at": time.monotonic()}  # noqa: S311

    async def answer(_: web.Request) -> web.Response:
        s = math.sqrt(math.log1p(CV_SQUARED))
        tokens = min(max(round(TOKENS * math.exp(rng.gauss(0, s) - s * s / 2)), 1), 2000)
        headers = {}
        if rpm:
            now = time.monotonic()
            state["left"] = min(state["left"] + (now - state["at"]) * rpm / 60, rpm)
            state["at"] = now
            if state["left"] < 1:
                return web.json_response({"error": {"message": "rate"}}, status=429)
            state["left"] -= 1
            headers = {
                "x-ratelimit-limit-requests": str(int(rpm)),
                "x-ratelimit-remaining-requests": str(int(state["left"])),
                "x-ratelimit-reset-requests": f"{(rpm - state['left']) * 60 / rpm:.3f}s",
            }
        await asyncio.sleep(FIRST + PER_TOKEN * tokens)
        usage = {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": tokens + 8}
        choice = {"index": 0, "message": {"content": "a " * tokens}, "finish_reason": "stop"}
        body = {"id": "1", "model": "model", "choices": [choice], "usage": usage}
        return web.json_response(body, headers=headers)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def serving(rpm: float | None) -> Iterator[str]:
    command = [sys.executable, __file__, "--serve", str(rpm or 0)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            port = int(server.stdout.readline()) if server.stdout is not None else 0
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def run_study(
    name: str, url: str, jobs: int, concurrency: int, rpm: float | None
) -> tuple[PlanTime, float, list[tuple[float, TimeLeft | None]]]:
    """Return the forecast of a study's time, how long it took, and what each look said."""
    Path(f"{name}.yaml").write_text(EXPERIMENT.format(name=name, url=url))
    Path("queries.txt").write_text("".join(f"query {name} {n}\n" for n in range(jobs // 2)))
    Path("afcost.prices.yaml").write_text('prices: {lab/model: {input: "1", output: "2"}}')
    now, path = datetime.now(UTC), Path(f"{name}.json")
    estimate = estimate_experiment(f"{name}.yaml", now.date())
    plan, folder = estimate.plan, Path("runs") / name
    providers = load_providers(estimate.experiment.spec.providers)
    speeds = find_known_speeds(plan, providers, folder, Path("runs"))
    strata = [  # lengths are known: here only the time is forecast
        replace(each, output=replace(each.output, mean=t, q05=t * 0.97, q95=t * 1.03))
        for each in plan.strata
        if (t := each.requests * TOKENS)
    ]
    forecast = find_plan_time(strata, plan.models, concurrency, AccountLimits(rpm), speeds)
    save_plan(plan, path)
    save_approval(Approval(plan.digest, Money.from_usd("100"), "benchmark", now), path)
    began = time.perf_counter()

    def start(*_: object) -> None:
        nonlocal began
        began = time.perf_counter()

    looks: list[tuple[float, TimeLeft | None]] = []

    def keep(view: LiveView, _: list[str]) -> None:
        if view.left > 0:
            looks.append((time.perf_counter() - began, view.time_left))

    options = RunOptions(folder=folder, concurrency=concurrency, on_start=start, on_live=keep)
    execute_plan(path, now, options)
    took = time.perf_counter() - began
    if forecast is None:
        raise SystemExit(f"{name} has no requests")
    return forecast, took, looks


def run_real() -> None:
    for jobs, concurrency, rpm in REAL:
        with tempfile.TemporaryDirectory() as folder, serving(rpm) as url:
            os.chdir(folder)
            run_study("pilot", url, 20, 4, None)
            time.sleep(0 if rpm is None else 20)  # the bucket refills
            found, took, looks = run_study("study", url, jobs, concurrency, rpm)
            os.chdir("/")
        wall, (speed,) = found.wall, found.speeds.values()
        limit = f", {rpm:.0f}/min" if rpm else ""
        print(
            f"real {jobs:4} jobs, {concurrency:3} in flight{limit:8} took {took:6.1f} s, forecast "
            f"{wall.likely:6.1f} ({wall.low:.1f} – {wall.high:.1f}) by {wall.bound_by.kind}; timed "
            f"{speed.first:.3f} s + {speed.per_token * 1000:.2f} ms a token ({speed.basis}); "
            f"{'inside' if wall.low <= took <= wall.high else 'OUTSIDE'}",
            flush=True,
        )
        print(f"     {describe_looks(looks, took)}", flush=True)


def describe_looks(looks: list[tuple[float, TimeLeft | None]], took: float) -> str:
    told = [(at, left) for at, left in looks if left is not None]
    held = sum(left.low <= took - at <= left.high for at, left in told)
    shares = sorted((took - at) / left.likely for at, left in told if left.likely > 0)
    middle = f", rest / likely {shares[len(shares) // 2]:.2f}" if shares else ""
    return f"looks: {len(looks)}, too early {len(looks) - len(told)}, held {held}{middle}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--serve", type=float, metavar="RPM")
    asked = parser.parse_args()
    if asked.serve is not None:
        asyncio.run(serve(asked.serve))
        return
    for kind in ("known", "timed", "prior"):
        for cell in range(len(CELLS)):
            print(simulate(kind, cell), flush=True)
    for cell in range(len(CELLS)):
        print(follow(cell), flush=True)
    if asked.real:
        run_real()


if __name__ == "__main__":
    main()
