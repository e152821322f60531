"""Whether the cap of `afcost guard` holds: a provider's faults, crossed with threads and kills.

python benchmarks/gateway_faults.py                # writes docs/gateway-faults.md
python benchmarks/gateway_faults.py --random 1000  # so many random campaigns
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.fault_matrix import Row
from tests.faults.gateway.campaign import GatewayOutcome, perform
from tests.faults.gateway.matrix import PAID, ROWS, THREADS, gateway_campaign
from tests.faults.gateway.random_campaigns import random_gateway_campaign
from tests.support.provider.server import ProviderHandle, run_provider

PAGE = Path(__file__).parent.parent / "docs" / "gateway-faults.md"
RANDOM = 120
Cells = dict[tuple[Row, int, bool], GatewayOutcome]

TEXT = """\
# Does the cap hold for any program?

The bill for a program under [`afcost guard`](gateway.md) never exceeds its cap, over faults of
the provider, streams that break off, clients that try again or hang up, and `kill -9` of the
program and of `afcost` itself, on the same terms as for a plan ([reliability](reliability.md)):
the provider bills by the prices, honours `max_tokens` and reports what it bills.

A command writes this page, never a person:

```sh
python benchmarks/gateway_faults.py     # writes this page; it took {minutes:.0f} minutes
pytest -m faults tests/faults/gateway   # the same campaigns as tests
```

## Method

The provider of [reliability](reliability.md#method) runs in a process of its own, misbehaves on
command and keeps its own bill. `afcost guard` runs a program of threads. It speaks OpenAI's chat
completions and, for three calls in ten, Anthropic's Messages; half of its calls are streamed, and
at the beginning of a twentieth of these it hangs up. What fails at a connection, or with 408,
409, 429 or 5xx, it calls twice more, as official clients do.

- Answers have 1 to 24 tokens, the longer ones up to 200.
- The cap pays for {paid} calls at the most that each can cost, and one more for each thread.
  There is always more to ask.
- Most faults hit one call in twenty, at random. Wrong usage is reported in every call.
- Where it was killed: `afcost guard` with `kill -9` after 60 calls; it was started again, and the
  program was killed after 40 more; then a third start went on to its end.

## Results

Each cell shows **true bill / cap**, and in brackets what the ledger counts against the cap if it
differs: money is held where it is not known whether a call was billed, and reported usage that
cannot be is not believed. Figures are rounded to afcost's disadvantage.

Run once, to its end:

{quiet}

Killed twice, and run to its end:

{killed}

\\* The provider breaks its word, so these cells may come to more than 1. Where usage says half,
what is visible of an answer is counted here and booked, and a prompt as it was counted; what is
hidden cannot be. Output beyond `max_tokens` is billed before anyone can know of it: the first
such bill stops all calls, and each of those in flight may cost more than was reserved, too.

{broken} promises were broken: no bill above the cap but for \\*, none above what is settled and
held, no call that was not reserved, nothing left reserved.

## Random campaigns

Each campaign is drawn from its number: up to four faults that hit 2 % to 30 % of the calls, 1 to
50 threads, streams and hang-ups, a cap of 4 to 60 calls, and up to three kills of the program, of
`afcost` or of both, at any moment.

{count} campaigns of {runs} starts, {kills} of them killed, {calls:,} calls: **{breaches} bills
above the cap**, {flaws} broken promises of any kind. The largest true bill was {worst} of its
cap.
"""


def main() -> None:
    """Perform all campaigns, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=RANDOM)
    count = parser.parse_args().random
    began = time.monotonic()
    with run_provider() as server, tempfile.TemporaryDirectory() as folder:
        cells = _perform_cells(Path(folder), server)
        found = [
            _perform_random(seed, Path(folder) / f"random {seed}", server) for seed in range(count)
        ]
    PAGE.write_text(_write_page(cells, found, (time.monotonic() - began) / 60), encoding="utf-8")


def _perform_cells(folder: Path, server: ProviderHandle) -> Cells:
    cells: Cells = {}
    for number, row in enumerate(ROWS):
        for threads in THREADS:
            for killed in (False, True):
                campaign = gateway_campaign(row, threads, killed=killed)
                outcome = perform(campaign, folder / f"{number} {threads} {killed}", server)
                cells[row, threads, killed] = outcome
                print(row.name, threads, killed, _show(outcome), outcome.flaws, file=sys.stderr)
    return cells


def _perform_random(seed: int, folder: Path, server: ProviderHandle) -> GatewayOutcome:
    outcome = perform(random_gateway_campaign(seed), folder, server)
    print(seed, _show(outcome), outcome.flaws, file=sys.stderr)
    return outcome


def _write_page(cells: Cells, found: list[GatewayOutcome], minutes: float) -> str:
    return TEXT.format(
        minutes=minutes,
        paid=PAID,
        quiet=_table(cells, killed=False),
        killed=_table(cells, killed=True),
        broken=sum(len(each.flaws) for each in cells.values()) or "No",
        count=len(found),
        runs=sum(len(each.codes) for each in found),
        kills=sum(code in (-9, 137) for each in found for code in each.codes),
        calls=sum(each.calls for each in found),
        breaches=sum(each.of_cap > 1 for each in found),
        flaws=sum(len(each.flaws) for each in found),
        worst=_round_up(max((each.of_cap for each in found), default=0.0)),
    )


def _table(cells: Cells, *, killed: bool) -> str:
    lines = [f"| fault | {' | '.join(f'{each} threads' for each in THREADS)} |"]
    lines[0] = lines[0].replace("| 1 threads", "| 1 thread")
    lines.append("|---" * (1 + len(THREADS)) + "|")
    for row in ROWS:
        name = row.name + r"\*" * row.lies
        shown = [_show(cells[row, threads, killed]) for threads in THREADS]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _show(outcome: GatewayOutcome) -> str:
    bill, used = _round_up(outcome.of_cap), _round_up(outcome.used)
    return bill if bill == used else f"{bill} ({used})"


def _round_up(share: float) -> str:
    return f"{math.ceil(share * 1000) / 1000:.3f}"


if __name__ == "__main__":
    main()
