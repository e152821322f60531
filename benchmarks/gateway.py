"""What the gateway adds to a call, and how many calls a second it passes.

    python benchmarks/gateway.py

A program makes the same calls to a local server by itself (the peer) and through `afcost guard`,
in turns, once trust is earned:

    one        one call at a time, answered at once
    spread     50 clients that each wait 1 s for an answer and then ask again, begun at moments of
               their own, as independent clients are: how long a call takes, median
    streams    the same, streamed: until the first token
    together   50 calls at the same moment to a server that takes 1 s, and again once all are in
    answers    50 clients, answered at once: calls a second

Beside that, the processor time that the gateway takes for a call, which does not depend on what
else this machine does, and what the program itself takes for one. The program, the gateway and the
server share the machine's processors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

HERE = Path(__file__).parent.parent
ROUNDS, CLIENTS = 3, 50
PROMPT = "Be brief. " * 100

PROGRAM = """
import asyncio, json, os, sys, time, aiohttp
calls, clients, begin_within = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
how, prompt = sys.argv[4:]
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"

def gateway_seconds():  # of the processor, of the process that started this one
    fields = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

async def main():
    took, numbers = [], iter(range(calls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def call(number):
            messages = [{"role": "user", "content": prompt + str(number)}]
            body = {"model": "lab-model", "max_tokens": 60, "messages": messages}
            body["stream"] = how == "streams"
            began = time.perf_counter()
            async with session.post(url, json=body) as answer:
                assert answer.status == 200, await answer.text()
                await (answer.content.readany() if body["stream"] else answer.read())
                took.append(time.perf_counter() - began)
                await answer.read()
        async def ask_again(client):
            await asyncio.sleep(begin_within * client / clients)
            for number in numbers:
                await call(number)
        await call(-1)  # connects
        took.clear()
        began, gateway, own = time.perf_counter(), gateway_seconds(), time.process_time()
        if how == "together":
            for first in range(0, calls, clients):
                await asyncio.gather(*map(call, range(first, first + clients)))
        else:
            await asyncio.gather(*map(ask_again, range(clients)))
        ended = time.perf_counter(), gateway_seconds(), time.process_time()
        print(json.dumps([*(b - a for a, b in zip((began, gateway, own), ended)), took]))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Load:
    """How a program calls.

    Attributes:
        name: of it.
        calls: that it makes.
        clients: of it, each of which waits for an answer before it asks again.
        seconds: until an answer.
    """

    name: str
    calls: int
    clients: int = CLIENTS
    seconds: float = 0.0


@dataclass(frozen=True)
class Ran:
    """A run of the program; all in seconds.

    Attributes:
        whole: how long it took.
        gateway: processor time of the gateway for a call.
        program: the same of the program itself.
        median: of how long a call took.
    """

    whole: float
    gateway: float
    program: float
    median: float


LOADS = (
    Load("one", 500, clients=1),
    Load("spread", 500, seconds=1.0),
    Load("streams", 500, seconds=1.0),
    Load("together", 300, seconds=1.0),
    Load("answers", 3_000),
)


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=[each.name for each in LOADS])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_provider() as server:
        lab = Path(folder)
        (lab / "program.py").write_text(PROGRAM)
        measure(lab, server, Load("earning trust", 300), 1)
        for load in LOADS:
            if options.only in (None, load.name):
                measure(lab, server, load, options.rounds)


def measure(lab: Path, server: ProviderHandle, load: Load, rounds: int) -> None:
    """Run the program by itself and guarded, in turns; print the best of each."""
    server.reset(Behaviour(output_tokens=(20, 60), delay=load.seconds))
    alone, guarded = [], []
    for _ in range(rounds):
        alone.append(run(lab, server, load, guard=False))
        guarded.append(run(lab, server, load, guard=True))
    alone_median, guarded_median = (min(each.median for each in runs) for runs in (alone, guarded))
    alone_whole, guarded_whole = (min(each.whole for each in runs) for runs in (alone, guarded))
    print(
        f"{load.name:14} by itself {alone_median * 1e3:7.1f} ms, {load.calls / alone_whole:5.0f} "
        f"calls a second; guarded {guarded_median * 1e3:7.1f} ms, "
        f"{load.calls / guarded_whole:5.0f} calls a second: "
        f"{(guarded_median - alone_median) * 1e3:+6.1f} ms; for a call the gateway's processor "
        f"takes {min(each.gateway for each in guarded) * 1e3:.2f} ms, the program's "
        f"{min(each.program for each in guarded) * 1e3:.2f} ms",
        flush=True,
    )


def run(lab: Path, server: ProviderHandle, load: Load, *, guard: bool) -> Ran:
    """Run the program."""
    asked = (load.calls, load.clients, load.seconds, load.name, PROMPT)
    program = [sys.executable, "program.py", *map(str, asked)]
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
    whole, gateway, own, took = json.loads(done.stdout)
    return Ran(whole, gateway / load.calls, own / load.calls, statistics.median(took))


if __name__ == "__main__":
    main()
