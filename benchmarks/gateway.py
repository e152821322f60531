"""What the gateway adds to a call, and how many calls a second it passes.

    python benchmarks/gateway.py

A program makes the same calls to a local server by itself (the peer) and through `afcost guard`,
in turns, once trust is earned:

    waits     50 at once to a server that takes 1 s: how long a call takes, median
    streams   the same, streamed: until the first token
    answers   50 at once to a server that answers at once: calls a second

The program, the gateway and the server share the machine's processors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

HERE = Path(__file__).parent.parent
ROUNDS, AT_ONCE, CALLS, QUICK_CALLS = 3, 50, 300, 3_000
PROMPT = "Be brief. " * 100

PROGRAM = """
import asyncio, json, os, sys, time, aiohttp
calls, at_once, stream = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "stream"
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"

async def main():
    places, took = asyncio.Semaphore(at_once), []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def call(number):
            async with places:
                messages = [{"role": "user", "content": sys.argv[4] + str(number)}]
                body = {"model": "lab-model", "max_tokens": 60, "messages": messages}
                body["stream"] = stream
                began = time.perf_counter()
                async with session.post(url, json=body) as answer:
                    assert answer.status == 200, await answer.text()
                    await (answer.content.readany() if stream else answer.read())
                    took.append(time.perf_counter() - began)
                    await answer.read()
        began = time.perf_counter()
        await asyncio.gather(*map(call, range(calls)))
    print(json.dumps([time.perf_counter() - began, sorted(took)]))

asyncio.run(main())
"""


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, run_provider() as server:
        lab = Path(folder)
        (lab / "program.py").write_text(PROGRAM)
        measure(lab, server, "earning trust", 1, 0.0, QUICK_CALLS // 10, "whole")
        measure(lab, server, "waits", rounds, 1.0, CALLS, "whole")
        measure(lab, server, "streams", rounds, 1.0, CALLS, "stream")
        measure(lab, server, "answers", rounds, 0.0, QUICK_CALLS, "whole")


def measure(  # noqa: PLR0913 - what is measured
    lab: Path, server: ProviderHandle, name: str, rounds: int, delay: float, calls: int, how: str
) -> None:
    """Run the program by itself and guarded, in turns."""
    server.reset(Behaviour(output_tokens=(20, 60), delay=delay))
    direct, guarded = [], []
    for _ in range(rounds):
        direct.append(run(lab, server, calls, how, guard=False))
        guarded.append(run(lab, server, calls, how, guard=True))
    (alone, by_itself), (through, behind) = map(summarize, (direct, guarded))
    print(
        f"{name:14} by itself {by_itself * 1e3:7.1f} ms, {calls / alone:6.0f} calls a second; "
        f"guarded {behind * 1e3:7.1f} ms, {calls / through:6.0f} calls a second: "
        f"{(behind - by_itself) * 1e3:+.1f} ms",
        flush=True,
    )


def summarize(runs: list[tuple[float, list[float]]]) -> tuple[float, float]:
    """Return the shortest time of a run, and the least of their medians of a call, in seconds."""
    return min(took for took, _ in runs), min(statistics.median(each) for _, each in runs)


def run(
    lab: Path, server: ProviderHandle, calls: int, how: str, *, guard: bool
) -> tuple[float, list[float]]:
    """Run the program; return how long it took, and each of its calls, in seconds."""
    program = [sys.executable, "program.py", str(calls), str(AT_ONCE), how, PROMPT]
    url = f"{server.url}/v1"
    if guard:
        options = ["--cap", "100", "--upstream", f"openai={url}", "--price", "openai/lab-model=1/2"]
        program = [sys.executable, "-m", "afcost", "guard", *options, "--", *program]
    environment = os.environ | {
        "OPENAI_BASE_URL": url,
        "PYTHONPATH": str(HERE),
        "AFCOST_HOME": str(lab / "home"),
    }
    done = subprocess.run(program, cwd=lab, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    whole, took = json.loads(done.stdout)
    return whole, took


if __name__ == "__main__":
    main()
