"""What a large plan in batches costs: memory and CPU of `afcost run --batch`, the ledger's apart.

    python benchmarks/batches.py [--requests 100000] [--form openai] [--calls]

Half of the requests are subjects' and half are their judges'. The test provider, in a process of
its own, takes them over HTTP and does a batch in three looks. `peak` is the most that the process
of the command had resident. `ledger` is the CPU time within the ledger's methods, the beginnings
and the ends of its transactions included: what reserves, settles and commits, and what reads that
again. `cap` is the true bill, of the cap.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))

from afcost.cli import run_cli
from runner.ledger import FileLocation, Ledger
from runner.ledger.open import read_ledger
from runner.ledger.writing import Nesting
from tests.support.provider.batches.batch_behaviour import BatchBehaviour
from tests.support.provider.batches.served_forms import FORMS, ServedForm
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

CONDITIONS = 4
PRICE = {"input": "0.40", "output": "0.80", "batch": {"input": "0.20", "output": "0.40"}}
AT_ONCE = Behaviour(
    text="yes", input_tokens="counted", output_tokens=(1, 24), batches=BatchBehaviour(validating=0)
)
INSIDE = "INSIDE"  # the variable by which the command is run and measured in this process


def main() -> None:
    """Measure one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--form", choices=FORMS, default="openai")
    parser.add_argument("--calls", action="store_true", help="list the ledger's methods by time")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.form}")
    with run_provider(AT_ONCE) as server, tempfile.TemporaryDirectory() as name:
        folder, form = Path(name), FORMS[options.form]
        cap = _plan(folder, options.form, form, server, options.requests)
        began = time.monotonic()
        told = _run(folder, form)
        seconds = time.monotonic() - began
        bill = server.bill()
        cost = float(bill.cost(dict.fromkeys({each.model for each in bill.billed}, _halves())))
    print(
        f"{told['answers']:,} answers in {told['chunks']:,} batches, {told['outcome']}: "
        f"peak {told['peak']:.0f} MB, CPU {told['cpu']:.1f} s, ledger {told['ledger']:.1f} s, "
        f"{seconds:.0f} s by the clock; cap {cost / cap:.3f}"
    )
    if options.calls:
        for method, (count, took) in sorted(told["calls"].items(), key=lambda each: -each[1][1]):
            print(f"{took:8.2f} s  {count:9,}  {method}")


def _halves() -> tuple[str, str]:
    # The provider's account halves what lines of batches cost.
    return PRICE["input"], PRICE["output"]


def _plan(
    folder: Path, provider: str, form: ServedForm, server: ProviderHandle, requests: int
) -> float:
    """Have a plan of that many requests approved; return its cap in US dollars."""
    judge = {
        "name": "compliance",
        "model": form.model,
        "samples": 1,
        "messages": [{"role": "user", "content": "{{ tier }}, {{ query }}: was {{ output }} no?"}],
        "sampling": {"max_tokens": 8},
    }
    tiers = {f"tier{n}": {"tier": f"{n}"} for n in range(CONDITIONS)}
    spec = {
        "name": "large",
        "models": [form.model],
        "factors": {"tier": tiers},
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "You serve the tier {{ tier }}. {{ query }}"}],
        "sampling": {"max_tokens": 24},
        "judges": [judge],
        "providers": {provider: {"base_url": f"{server.url}{form.path}"}},
    }
    queries = max(requests // (2 * CONDITIONS), 1)
    (folder / "queries.txt").write_text(
        "".join(f"Tell me of number {n}.\n" for n in range(queries))
    )
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": {form.model: PRICE}}))
    (folder / "experiment.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    cap = 1.0 * requests / 10_000
    _command(folder, form, "estimate", "experiment.yaml", "--batch", "-o", "plan.json")
    _command(folder, form, "approve", "plan.json", "--cap", f"{cap}", "--yes")
    return cap


def _run(folder: Path, form: ServedForm) -> dict[str, Any]:
    """Run it in a process of its own; return what that process measured of itself."""
    environment = _environment(folder, form) | {INSIDE: "1"}
    command = [sys.executable, __file__, "run", "plan.json", "--poll", "0.1"]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    state = json.loads(_command(folder, form, "status", "runs/large", "--format", "json"))
    return told | {"outcome": state["outcome"]}


def _command(folder: Path, form: ServedForm, *arguments: str) -> bytes:
    command = [sys.executable, "-m", "afcost", *arguments]
    environment = _environment(folder, form)
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])
    return done.stdout


def _environment(folder: Path, form: ServedForm) -> dict[str, str]:
    root = str(Path(__file__).parent.parent)
    return dict(os.environ) | {form.key: "sk", "AFCOST_HOME": str(folder), "PYTHONPATH": root}


def _measure() -> None:
    """Run a command in this process, and print what it took."""
    clock = LedgerClock()
    clock.attach()
    code = run_cli(sys.argv[1:])
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "peak": used.ru_maxrss / 1024,
        "cpu": used.ru_utime + used.ru_stime,
        "ledger": sum(seconds for _, seconds in clock.calls.values()),
        "calls": clock.calls,
    }
    with read_ledger(FileLocation(Path("runs/large/ledger.sqlite"))) as ledger:
        chunks = ledger.chunks()
    told |= {"chunks": len(chunks), "answers": sum(each.settled for each in chunks)}
    print(json.dumps(told))
    sys.exit(code)


class LedgerClock:
    """Adds up the CPU time within a ledger's methods; of one within another only the outer one's.

    Attributes:
        calls: name of a method -> how often it was called from outside, and its seconds.
    """

    def __init__(self) -> None:
        self.calls: dict[str, tuple[int, float]] = {}
        self._depth = 0

    def attach(self) -> None:
        """Measure all ledgers from now on."""
        for kind in reversed(Ledger.__mro__[:-1]):
            for name, found in list(vars(kind).items()):
                if callable(found) and not name.startswith("_") and name != "transaction":
                    setattr(kind, name, self._wrap(name, found))
                elif isinstance(found, property) and found.fget is not None:
                    setattr(kind, name, property(self._wrap(name, found.fget)))
        part = type(Nesting(lambda _: None).open(durable=False))  # type: ignore[arg-type, return-value]
        for name in ("__enter__", "__exit__"):
            setattr(part, name, self._wrap("a transaction's " + name.strip("_"), vars(part)[name]))

    def _wrap(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the method's own
            with self._timing(name):
                return method(*given, **named)

        return call

    @contextmanager
    def _timing(self, name: str) -> Iterator[None]:
        self._depth += 1
        began = time.thread_time() if self._depth == 1 else 0.0
        try:
            yield
        finally:
            if self._depth == 1:
                count, seconds = self.calls.get(name, (0, 0.0))
                self.calls[name] = count + 1, seconds + time.thread_time() - began
            self._depth -= 1


if __name__ == "__main__":
    _measure() if os.environ.get(INSIDE) else main()
