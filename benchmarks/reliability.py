"""Whether the cap holds: faults of a provider, crossed with concurrency and with crashes.

    python benchmarks/reliability.py             # writes docs/reliability.md
    python benchmarks/reliability.py --seeds 3   # each cell three times; the worst one is shown

Each cell is a campaign of `tests/faults`: an approved plan is run against a provider in a process
of its own that misbehaves and keeps its own bill. Random campaigns follow.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.campaign import Campaign, Outcome, perform
from tests.faults.cells import CONCURRENCY, ROWS, Row, campaign
from tests.faults.drawn import BROKEN_WORD, drawn
from tests.faults.stage import Stage, stage

PAGE = ROOT / "docs" / "reliability.md"
AT_ONCE = 2

TEXT = """\
# Does the cap hold?

afcost promises that what providers bill for an approved plan never exceeds its cap, over every
fault, crash and restart, as long as they bill by the pinned prices, keep `max_tokens` and say what
they bill. This page says how that was tried, and what came out. Its figures are
written by a command, never by hand:

```sh
python benchmarks/reliability.py              # writes this page; it took {minutes:.0f} minutes
pytest -m faults tests/faults                 # the same cells and 1,000 random ones, as tests
```

## How it was tried

A provider of our own runs in a process of its own. It misbehaves as told, and it keeps its own bill,
written before anything is answered; only that bill counts here. Against it runs an approved plan of
four conditions with a judge, by the code that `afcost run` calls, in a process that is killed with
`kill -9` and started again. The cap holds 100 jobs at their dearest, and two more for each request
in flight, so that the last job that does not fit any more is less than a hundredth of it. There is
always more to ask than the cap can pay. Most faults strike one call in twenty, at random.

After each campaign the provider's account is held against the ledger, call by call:

- **no breach**: the true bill is within the cap, and so is what the ledger counts;
- **no lost answer**: every answer that the provider handed over to a run that lived is stored, and
  what is stored stays so over every restart;
- **nothing paid twice**: a request with a stored answer is not sent again, and no call reached the
  provider that the ledger does not know;
- **nothing stuck**: at the end no money is reserved or set aside.

## The table

In each cell: **true bill / cap**, and behind it what the ledger counts as spent where that is more,
because money is held or usage was not believed. Where nothing is held, at least 0.97 of the cap is
put to use. A fault that loses answers leaves money held, since nobody knows whether it was billed:
then the true bill is lower, and `afcost ledger RUN reconcile` frees what was not
([running](running.md)).

Run once, to its end:

{quiet}

Killed twice with `kill -9`, after 70 calls and after 50 more, and run again:

{killed}

{notes}

## Random campaigns

Drawn from their numbers: up to four faults at once, each striking 2 % to 100 % of the calls, up to
three kills at any moment of a run, 1 to 200 requests in flight, caps of 1 to 24 jobs, no judge, one
or two votes.

{random}
"""

NOTES = """\
In flight at once were, in the first row of the first table, at most {busiest}.

\\* Usage that says less than was billed. What can be counted here is booked as counted: the prompt,
and the answer's text. But a text that is counted again may have more tokens than were generated, so a
usage that lacks less than a quarter of it and 8 tokens is believed: of short answers half goes
unnoticed. The bound of these cells, were all of that billed: {halved}.

† The provider breaks its word: it bills more than was reserved. That is booked in full, named, and
stops the run at once; what may be above the cap is what was in flight then, each by 100 tokens here.
The bound of the cells of `max_tokens`: {beyond}. These faults begin late in a run, when half of the
cap (usage) and nearly all of it (`max_tokens`) is spent; at the first call they would end it there."""

Cells = dict[tuple[Row, int, bool], list[Outcome]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1, help="campaigns for each cell")
    parser.add_argument("--random", type=int, default=1000, help="random campaigns")
    parser.add_argument("--to", type=Path, default=PAGE)
    options = parser.parse_args()
    keys = [(r, c, killed) for killed in (False, True) for c in CONCURRENCY for r in ROWS]
    table = [
        campaign(row, concurrency, killed=killed, seed=seed)
        for row, concurrency, killed in keys
        for seed in range(options.seeds)
    ]
    began = time.monotonic()
    outcomes = _perform([*table, *map(drawn, range(options.random))])
    minutes = (time.monotonic() - began) / 60
    each = iter(outcomes)
    cells = {key: [next(each) for _ in range(options.seeds)] for key in keys}
    page = _page(cells, list(each), minutes)
    options.to.write_text(page, encoding="utf-8")
    broken = [flaw for outcome in outcomes for flaw in outcome.flaws]
    print(f"{len(outcomes):,} campaigns in {minutes:.1f} minutes, {len(broken)} promises broken")
    print("\n".join(broken))
    raise SystemExit(bool(broken))


def _perform(campaigns: list[Campaign]) -> list[Outcome]:
    """Perform campaigns, two at a time, each on a stage of its own."""
    free: SimpleQueue[Stage] = SimpleQueue()

    def one(numbered: tuple[int, Campaign]) -> Outcome:
        number, each = numbered
        place = free.get()
        try:
            outcome = perform(each, place)
        finally:
            free.put(place)
        said = f"{number + 1}/{len(campaigns)} {outcome.of_cap:.3f} {outcome.end}"
        print(said, *outcome.flaws, file=sys.stderr)
        return outcome

    with ExitStack() as stack:
        os.environ["AFCOST_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        for _ in range(AT_ONCE):
            free.put(stack.enter_context(stage()))
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        return list(threads.map(one, enumerate(campaigns)))


def _page(cells: Cells, random: list[Outcome], minutes: float) -> str:
    quiet, killed = (_table(cells, killed=killed) for killed in (False, True))
    busiest = [cells[ROWS[0], each, False][0].busiest for each in CONCURRENCY]
    notes = NOTES.format(
        busiest=", ".join(map(str, busiest)),
        halved=_bounds(cells, "usage says half"),
        beyond=_bounds(cells, "output beyond `max_tokens`"),
    )
    return TEXT.format(
        minutes=minutes, quiet=quiet, killed=killed, notes=notes, random=_random(random)
    )


def _table(cells: Cells, *, killed: bool) -> str:
    lines = [f"| fault | {' | '.join(f'{each} in flight' for each in CONCURRENCY)} |"]
    lines.append("|---" * (1 + len(CONCURRENCY)) + "|")
    for row in ROWS:
        mark = "†" if row.stops else "\\*" if row.lies else ""
        shown = [_cell(cells[row, each, killed]) for each in CONCURRENCY]
        lines.append(f"| {row.name}{mark} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _cell(outcomes: list[Outcome]) -> str:
    """Show the worst of a cell's campaigns; a figure is never rounded to a better one."""
    worst = max(outcomes, key=lambda outcome: outcome.of_cap)
    bill, counted = _share(worst.of_cap), _share(worst.used)
    shown = bill if bill == counted else f"{bill} ({counted})"
    return f"{shown} **broken**" if any(outcome.flaws for outcome in outcomes) else shown


def _share(share: float) -> str:
    rounded = math.ceil(share * 1000) if share > 1 else math.floor(share * 1000)
    return f"{rounded / 1000:.3f}"


def _bounds(cells: Cells, name: str) -> str:
    bounds = [each.bound for key, found in cells.items() if key[0].name == name for each in found]
    return f"{min(bounds):.2f} to {max(bounds):.2f}"


def _random(outcomes: list[Outcome]) -> str:
    """Say in words what came of the random campaigns."""
    kept, others = [], []
    for seed, outcome in enumerate(outcomes):
        kinds = {fault.kind for fault in drawn(seed).behaviour.faults}
        (others if kinds & set(BROKEN_WORD) else kept).append(outcome)
    flaws = Counter(flaw.split(":")[0] for each in outcomes for flaw in each.flaws)
    runs = [run.end for outcome in outcomes for run in outcome.runs]
    worst = [_share(max((each.of_cap for each in group), default=0)) for group in (kept, others)]
    return (
        f"{len(outcomes):,} campaigns, {len(runs):,} runs, of which {runs.count('killed'):,} were "
        f"killed, {sum(each.calls for each in outcomes):,} calls, and "
        f"{sum(each.answers for each in outcomes):,} stored answers:\n"
        f"**{flaws['BREACH']} breaches, {flaws['LOST']} lost answers, {flaws['PAID TWICE']} answered "
        f"requests paid twice**, {flaws.total()} flaws of any kind.\n"
        f"The largest true bill was {worst[0]} of its cap; {worst[1]} in the {len(others)} campaigns "
        "where the provider breaks\n`max_tokens` or says half."
    )


if __name__ == "__main__":
    main()
