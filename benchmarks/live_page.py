"""What a live page takes of a processor, beside the run that it shows.

    python benchmarks/live_page.py [--requests 8000] [--delay 0.2] [--concurrency 50]

A run against a local server, `afcost view` on it, and one watcher that
fetches each part that changed, as a browser does. Both are processes of their own. What starting
the page takes, until it is shown for the first time, is given apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider
from tests.support.waiting import wait_until

TICK = os.sysconf("SC_CLK_TCK")
EXPERIMENT = """
name: watched
models: [lab/model]
factors: {{tier: {{free: {{tag: "free"}}, paid: {{tag: "paid"}}}}}}
queries: {{file: queries.txt}}
messages: [{{role: user, content: "{{{{ tag }}}} {{{{ query }}}}"}}]
sampling: {{max_tokens: 400}}
providers: {{lab: {{kind: openai, base_url: "{url}/v1"}}}}
"""
LONGEST = 1800.0  # seconds


@dataclass
class Seen:
    """What the watcher saw."""

    updates: int = 0
    parts: dict[str, int] = field(default_factory=dict)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return what a process has taken so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def plan(folder: Path, url: str, requests: int) -> Lab:
    """Plan a run of so many requests, in two conditions, and approve it."""
    (folder / "experiment.yaml").write_text(EXPERIMENT.format(url=url))
    (folder / "queries.txt").write_text("".join(f"query {n}\n" for n in range(requests // 2)))
    lab = Lab(folder)
    lab.prices(lab__model='{input: "0.50", output: "2.00"}')
    lab.plan("experiment.yaml")
    lab.afcost("approve", "plan.json", "--cap", "50", "--yes")
    return lab


def start(lab: Lab, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "afcost", *arguments]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        command, cwd=lab.folder, env=lab.environment(), stdout=subprocess.PIPE, stderr=quiet,
        text=True,
    )  # fmt: skip


async def watch(address: str, run: subprocess.Popen[str], seen: Seen, shown: asyncio.Event) -> None:
    """Watch the page until the run has ended, and fetch what changed."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        page = await (await session.get(address)).text()
        base = address.split("/?", maxsplit=1)[0] + re.search(r'data-address="([^"]*)"', page)[1]
        shown.set()
        version = 0
        async with session.get(f"{base}/events", timeout=aiohttp.ClientTimeout(LONGEST)) as events:
            async for line in events.content:
                if not line.startswith(b'data: {"version"'):
                    continue
                update = json.loads(line[6:])
                answer = await (await session.get(f"{base}/parts?after={version}")).text()
                seen.updates += 1
                for name in re.findall(r'data-part="(\w+)"', answer):
                    seen.parts[name] = seen.parts.get(name, 0) + 1
                version = update["version"]
                if update["figures"].get("outcome") != "running" and run.poll() is not None:
                    return


async def measure(lab: Lab, concurrency: int) -> None:
    run = start(lab, "run", "plan.json", "--concurrency", str(concurrency))
    wait_until(lambda: any(lab.folder.glob("runs/*/plan.json")))
    began = time.monotonic()
    view = start(lab, "view", str(lab.run_folder()))
    address = view.stdout.readline().split()[-1]
    seen, shown, taken = Seen(), asyncio.Event(), {}
    watching = asyncio.create_task(watch(address, run, seen, shown))
    await shown.wait()
    at_start = cpu_seconds(view)
    while run.poll() is None:
        taken["run"], taken["view"] = cpu_seconds(run), cpu_seconds(view)
        await asyncio.sleep(0.1)
    took = time.monotonic() - began
    await asyncio.wait_for(watching, 60)
    view.terminate()
    view.wait(30)
    share = (taken["view"] - at_start) / taken["run"]
    print(
        f"{took:.0f} s: the run took {taken['run']:.2f} s of a processor, its page "
        f"{taken['view'] - at_start:.2f} s: {share:.1%}; beside {at_start:.2f} s to start it; "
        f"{seen.updates} updates, parts {seen.parts}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=8_000)
    options.add_argument("--delay", type=float, default=0.2)
    options.add_argument("--concurrency", type=int, default=50)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_provider() as provider:
        provider.reset(Behaviour(output_tokens=(20, 300), delay=given.delay))
        lab = plan(Path(folder), provider.url, given.requests)
        asyncio.run(measure(lab, given.concurrency))


if __name__ == "__main__":
    main()
