"""Which caps hold: what a provider billed, over the cap, of afcost and of three peers.

    python benchmarks/caps.py [--rounds 2] [--only inferrail]

50 requests against a provider that keeps its own bill and misbehaves; true spend is that bill at
exact integer prices, whatever the system believes. Each peer is used as its own documentation says,
by a short script in `caps_peers/`, in a virtual environment of its own that is made once and kept
with the tests' packages. The second table counts answers that the system kept, of the calls paid.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

import peers

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour, Fault, FaultKind
from tests.support.provider.server import ProviderHandle, run_provider

REQUESTS, LONGEST = 50, 900
INPUT_PRICE, OUTPUT_PRICE = 1, 100  # USD per million tokens, so millionths of a dollar per token
PART, ALL = "1", "4.52"  # USD: pays for 11 of the 50 at their longest; for all 50 once
PROMPT = "Please tell me about number {} in one hundred words."
LONGEST_WAIT = 600.0  # seconds
SCRIPTS = Path(__file__).parent / "caps_peers"
BROKEN = 0.3  # the part of calls that a fault strikes


@dataclass(frozen=True)
class Case:
    """One way in which a cap is put to the test.

    Attributes:
        title: of its column.
        cap: USD.
        provider: how it behaves.
        concurrency: requests at once.
        processes: that share the cap; they share the requests too.
        killed_at: calls that the provider has seen when the process is killed, to be started again.
        priced: whether the system is told a price.
    """

    title: str
    cap: str
    provider: Behaviour
    concurrency: int = REQUESTS
    processes: int = 1
    killed_at: int = 0
    priced: bool = True


def _struck(kind: FaultKind, probability: float = BROKEN) -> Behaviour:
    fault = Fault(kind, probability=probability, beyond=LONGEST)
    return Behaviour(output_tokens=LONGEST, delay=0.3, faults=(fault,))


USUAL = Behaviour(output_tokens=LONGEST, delay=0.3)
CASES = (
    Case("50 at once", PART, USUAL),
    Case("short answers", PART, replace(USUAL, output_tokens=(100, 500))),
    Case("2 processes", PART, USUAL, processes=2),
    Case("kill -9, restart", ALL, replace(USUAL, delay=0.6), concurrency=5, killed_at=23),
    Case("billed, then cut", ALL, _struck("cut_after")),
    Case("billed, then 500", ALL, _struck("500_after")),
    Case("beyond max_tokens", ALL, _struck("over_max", probability=1)),
    Case("no price", PART, USUAL, priced=False),
)


class Result(NamedTuple):
    """What came of one case: true spend over the cap, calls paid, answers kept."""

    ratio: Fraction
    paid: int
    kept: int


class Afcost:
    """The real command: a plan, its approval, its run."""

    shared = True

    def command(self, url: str, folder: Path, case: Case) -> list[list[str]] | None:
        """Plan and approve; give the processes to start, or None if there is no plan to be had."""
        lab = Lab(folder)
        _write_experiment(folder, url, priced=case.priced)
        if not case.priced:
            lab.afcost("estimate", "experiment.yaml", "-o", "plan.json", ends=3)
            return None
        lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
        lab.afcost("approve", "plan.json", "--cap", case.cap, "--yes")
        run = [sys.executable, "-m", "afcost", "run", "plan.json"]
        return [[*run, "--concurrency", str(case.concurrency)]] * case.processes

    def kept(self, folder: Path) -> int:
        """Count the answers that a user can export."""
        if not (folder / "runs").exists():
            return 0
        lab = Lab(folder)
        lab.afcost("report", str(lab.run_folder()), "--answers", "answers.jsonl")
        return _lines(folder)


@dataclass(frozen=True)
class Peer:
    """A script in an environment of its own.

    Attributes:
        script: its name in `caps_peers`.
        pins: what its environment is made of.
        way: in which the script is to use the peer, if it knows several.
        shared: whether the peer has a notion of several processes under one cap.
    """

    script: str
    pins: tuple[str, ...]
    way: str = ""
    shared: bool = True

    def command(self, url: str, _folder: Path, case: Case) -> list[list[str]]:
        """Return the processes to start, each with its part of the requests."""
        python, script = peers.interpreter(self.pins), str(SCRIPTS / f"{self.script}.py")
        parts = [range(REQUESTS)[n :: case.processes] for n in range(case.processes)]
        return [[python, script, url, self._setting(case, [*part])] for part in parts]

    def kept(self, folder: Path) -> int:
        """Count the answers that the script wrote down."""
        return _lines(folder)

    def _setting(self, case: Case, numbers: list[int]) -> str:
        setting = {
            "way": self.way,
            "numbers": numbers,
            "model": "model",
            "prompt": PROMPT,
            "max_tokens": LONGEST,
            "input_price": INPUT_PRICE,
            "output_price": OUTPUT_PRICE,
        }
        given = asdict(case)
        return json.dumps(
            setting | {name: given[name] for name in ("cap", "concurrency", "priced")}
        )


INSPECT = ("inspect-ai==0.3.285", "openai==3.54.0")
SYSTEMS: dict[str, Afcost | Peer] = {
    "afcost": Afcost(),
    "inferrail": Peer("inferrail_gateway", ("inferrail==0.4.16", "openai==3.54.0")),
    "LiteLLM BudgetManager": Peer("litellm_budget", ("litellm==1.106.2", "openai==2.54.0")),
    "Inspect AI, a sample each": Peer("inspect_limit", INSPECT, way="samples", shared=False),
    "Inspect AI, one sample": Peer("inspect_limit", INSPECT, way="sample", shared=False),
}


def main(rounds: int, only: str) -> None:
    systems = {name: each for name, each in SYSTEMS.items() if only.lower() in name.lower()}
    _print_versions(systems)
    with run_provider() as provider:
        found = {
            name: [_rounds(system, case, provider, rounds) for case in CASES]
            for name, system in systems.items()
        }
    _print_table(f"true spend / cap, rounded up; {rounds} rounds", found, _ratios)
    _print_table("answers kept / calls paid", found, _answers)


def _rounds(
    system: Afcost | Peer, case: Case, provider: ProviderHandle, rounds: int
) -> list[Result] | None:
    """Return what came of each round; None where the case does not apply."""
    if case.processes > 1 and not system.shared:
        return None
    return [_measured(system, case, provider) for _ in range(rounds)]


def _measured(system: Afcost | Peer, case: Case, provider: ProviderHandle) -> Result:
    provider.reset(case.provider)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = system.command(provider.url, folder, case)
        if commands is not None:
            _execute(commands, folder, case, provider)
        bill, kept = provider.bill(), system.kept(folder)
        if case.priced and not bill.billed:  # else a script that fails would look like a refusal
            raise SystemExit(f"{case.title}: nothing was paid\n{(folder / 'said.txt').read_text()}")
    micro = bill.input_tokens * INPUT_PRICE + bill.output_tokens * OUTPUT_PRICE
    return Result(Fraction(micro, 1_000_000) / Fraction(case.cap), len(bill.billed), kept)


def _execute(commands: list[list[str]], folder: Path, case: Case, provider: ProviderHandle) -> None:
    """Start the processes and wait for all; kill the first one midway if the case says so."""
    processes = [_start(command, folder) for command in commands]
    if case.killed_at:
        _wait(lambda: len(provider.bill().calls) >= case.killed_at)
        processes[0].kill()
        processes[0].wait()
        processes = [_start(commands[0], folder)]
    for process in processes:
        process.wait(LONGEST_WAIT)


def _start(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that knows no home but its folder, and writes its words there."""
    with (folder / "said.txt").open("ab") as said:
        environment = Lab(folder).environment() | {"HOME": str(folder)}
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    while not until():
        if time.monotonic() > deadline:
            raise SystemExit("nothing happened in time")
        time.sleep(0.02)


def _write_experiment(folder: Path, url: str, *, priced: bool) -> None:
    spec: dict[str, Any] = {
        "name": "caps",
        "models": ["lab/model"],
        "factors": {"tone": {"plain": {"how": "Please"}}},
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "{{ how }} {{ query }}"}],
        "sampling": {"max_tokens": LONGEST},
        "providers": {"lab": {"kind": "openai", "base_url": f"{url}/v1"}},
    }
    queries = [PROMPT.format(n).removeprefix("Please ") for n in range(REQUESTS)]
    (folder / "experiment.yaml").write_text(json.dumps(spec))  # JSON is YAML
    (folder / "queries.txt").write_text("\n".join(queries))
    if priced:
        price = f'{{input: "{INPUT_PRICE}", output: "{OUTPUT_PRICE}"}}'
        Lab(folder).prices(lab__model=price)


def _lines(folder: Path) -> int:
    path = folder / "answers.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def _ratios(results: list[Result] | None) -> str:
    if results is None:
        return "-"
    if not any(result.paid for result in results):
        return "refuses"
    # Rounded up, so that what is a little above the cap is not shown as the cap.
    shown = sorted({ceil(result.ratio * 100) for result in results})
    return " to ".join(f"{cents / 100:.2f}" for cents in dict.fromkeys((shown[0], shown[-1])))


def _answers(results: list[Result] | None) -> str:
    if results is None:
        return "-"
    return ", ".join(dict.fromkeys(f"{result.kept}/{result.paid}" for result in results))


def _print_table(
    title: str,
    found: dict[str, list[list[Result] | None]],
    shown: Callable[[list[Result] | None], str],
) -> None:
    header = ["", *(case.title for case in CASES)]
    rows = [header, *([name, *map(shown, row)] for name, row in found.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{title}")
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _print_versions(systems: dict[str, Afcost | Peer]) -> None:
    for name, system in systems.items():
        if isinstance(system, Peer):
            print(f"{name}: {', '.join(system.pins)}")


if __name__ == "__main__":
    os.environ.pop("AFCOST_HOME", None)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="systems whose name contains this")
    options = parser.parse_args()
    main(options.rounds, options.only)
