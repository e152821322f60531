"""Whether the cap holds: faults of a provider, crossed with concurrency and with crashes.

    python benchmarks/reliability.py             # writes docs/reliability.md
    python benchmarks/reliability.py --seeds 3   # each cell three times; the worst one is shown

Each cell is a campaign of `tests/faults`: an approved plan is run against a provider in a process
of its own that misbehaves and keeps its own bill. Random campaigns and restore campaigns follow.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.campaign import Campaign, Outcome, perform
from tests.faults.campaign_setup import Stage, stage
from tests.faults.fault_matrix import CONCURRENCY, ROWS, Row, campaign
from tests.faults.outages import EVERY, FORMS, OutageCampaign, OutageOutcome, perform_outage
from tests.faults.random_campaigns import BROKEN_WORD, random_campaign
from tests.faults.restore_campaigns import (
    UNFINDABLE_ELSEWHERE,
    RestoreCampaign,
    Restored,
    amount,
    draw_restore,
    perform_restore,
)
from tests.support.postgres.server import run_postgres

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
AT_ONCE = 2
T, U = TypeVar("T"), TypeVar("U")

TEXT = """\
# Does the cap hold?

The provider's bill for an approved plan never exceeds its cap, over every fault, crash and restart,
as long as the provider

- bills by the pinned prices, and the prompt of several votes once where it documents that,
- honours `max_tokens`, and
- reports what it bills.

This page describes how that was tested, the results, and what happens if a provider breaks these
rules. A command writes its figures, never a person:

```sh
python benchmarks/reliability.py    # writes this page; it took {minutes:.0f} minutes
pytest -m faults tests/faults       # the same campaigns as tests
```

## Method

A fake provider runs in its own process. It misbehaves on command and records its own bill before it
answers anything; that bill is the ground truth. An approved plan, four conditions with a judge,
runs against it with the code that `afcost run` calls, in a process that is killed with `kill -9`
and started again.

- Answers have 1 to 24 tokens, the longer ones up to 200, a judge's up to 8.
- The cap pays for 100 jobs at their worst-case cost, and two more for each request in flight, so
  the job that no longer fits is less than a hundredth of it.
- There is always more to ask than the cap can pay for.
- Most faults hit one call in twenty, at random. Wrong usage is reported in every call.

Then the provider's bill is compared with the ledger, call by call:

- **no breach**: the true bill is within the cap, and so is what the ledger counts against it;
- **no lost answer**: every answer delivered to a live run is stored, and stays stored over every
  restart;
- **nothing paid twice**: a request with a stored answer is not sent again, and every call that
  reached the provider is in the ledger;
- **nothing stuck**: at the end no money is reserved or allocated.

## Results

Each cell shows **true bill / cap**, and in brackets what the ledger counts against the cap if it
differs. It differs

- where money is held, because an answer was lost and it is not known whether it was billed (`afcost
  ledger RUN reconcile` frees what was not, see [running](running.md)), and
- where reported usage was rejected, or should have been.

Figures are rounded to afcost's disadvantage.

Run once, to its end:

{quiet}

Killed with `kill -9` after 70 calls, and again after 50 more, and run to its end:

{killed}

{notes}

## Slow start

Of each model, one request is in flight at first. Each answer that was billed as reserved admits
three more, up to the concurrency: **after n such answers at most 1 + 3n are in flight**. All of
them are reserved at their worst case, so a breach exceeds the reservations by what their bills
exceed theirs by: where $0.002 is reserved for each and twice that is billed, a breach that begins
after 5 good answers costs at most 16 x $0.002 = $0.032 beyond what was reserved. It stops the
run.

- **A hundredth of the cap.** As long as nothing went wrong, (1 + n)^2 may be in flight after n
  good answers, where that is more, but never more than a hundredth of the cap pays at the worst
  case of the model's requests. A breach then costs what their bills exceed that hundredth by, for
  each model: where $0.002 is reserved for each under a cap of $100, a breach that begins after 5
  good answers costs at most 36 x $0.002 = $0.072 beyond what was reserved, and after 30 of them
  500 x $0.002 = $1.
- **Trust from earlier runs.** A model at an address whose bills agreed in earlier runs on this
  machine begins with more than one in flight: with as many as it gave such answers, but never
  with more than a hundredth of the cap pays at the worst case of its requests, nor above the
  concurrency; three more are admitted by each good answer as above. If it breaks its word in the
  first call of such a run, requests are in flight that were reserved for a hundredth of the cap
  at most, for each model, and the breach costs what their bills exceed that by. A breach ends the
  trust at once, for later runs too. Another address, model id or pinned price has none; the key
  does not matter. It is kept in the state directory and counts nowhere else.
- **Outages.** A model that was down while money was held begins with one again, grows by three
  for each good answer from there on, and its trust begins with these. A run that begins in an
  outage can hold up to that hundredth of the cap.
- **Workers of a shared ledger** have a slow start each: n good answers of all N of them admit at
  most N + 3n requests. A breach that one of them finds stops them all. Each has its part
  of the hundredth, by the number of workers that there are then: the one that begins as the k-th
  has 1/k of it. N workers, begun one after the other, have at most 1 + 1/2 + ... + 1/N hundredths
  together: 2.1 for four, 2.8 for eight.
- **Reserved ahead.** So that no place stays empty while the disk writes, a quarter as many
  requests as may be in flight are reserved before their place is free. All that can stop a
  request is looked at again then. What waits is released at once in a pause, at a stop and while
  its model is down, and reports do not count it as tried. Kill -9
  holds these too: at most 5/4 of the concurrency for each kill. `afcost ledger RUN reconcile`
  frees what the provider does not know of.

## Outages

{outages}

## Random campaigns

Each campaign is drawn from its number: up to four faults at once that hit 2 % to 100 % of the
calls, answers that refuse, are filtered or cut off among them; up to two outages, scaled to
fractions of a second; up to three kills at any moment of a run, 1 to 200 requests in flight, caps
of 1 to 24 jobs, no judge, one vote or two, money left over or not.

{random}

## Restored copies

{restores}
"""

NOTES = """\
The provider had at most {busiest} calls at once in the first row.

\\* Usage is reported lower than billed. The prompt is booked as counted here. An answer reported
with no tokens, or with clearly fewer than are visible, is booked as `max_tokens`, because it is not
known what else was billed; so less of the cap gets used. Half of a hidden reasoning cannot be
detected where the rest is more than what is visible.

† The provider reports a bill above the reservation. It is booked in full, reported, and stops the
run at once. Only the requests then in flight can exceed the cap, here by 100 tokens each: a cell of
`max_tokens` may reach {beyond} of its cap. These faults begin when half of the cap (usage)
or nearly all of it (`max_tokens`) is spent; from the first call on, they would end it there."""

OUTAGES = """\
One of two models is down for 5, 20 or 60 seconds: each of its calls gets the status, or connections
are refused. The other one judges, and answers as well. Seconds are scaled to between a tenth and a
twenty-fifth, for the provider and for the run alike; `tests/faults/test_outages.py` has a few in
real time. Each cell shows the most attempts whose money is held, over the three; nothing else is
held.

{holds}

Where there is more work than money, this much of what holds leave of the cap is spent, at least:

{spent}

{count} campaigns in all, {alone} of which came to their end in one execution, without anybody's
help. No request was sent to a model that was down sooner than {spacing} s after the one before,
apart from those in flight when that was known: by the first failure, or by the third 429 in a row.
Meanwhile the other model answered at least {pace} % as often as in the same run without an
outage. {flaws} promises were broken.{late}"""

LATE = """
{late} of them were performed once more, alone: a spacing or a pace did not hold while another
campaign ran beside them, and both also depend on what else the machine does."""

RANDOM = """\
{campaigns:,} campaigns of {runs:,} runs, {killed:,} of them killed, {calls:,} calls, {answers:,}
stored answers:
**{breaches} breaches, {lost} lost answers, {twice} answered requests paid twice**, {flaws} broken
promises of any kind. The largest true bill was {kept} of its cap; {other} among the {others}
campaigns whose provider breaks `max_tokens`.

The same for any program under `afcost guard`: [gateway-faults.md](gateway-faults.md).
The same for requests in batches: [batch-faults.md](batch-faults.md).
Other tools' caps against the same provider: [caps.md](caps.md)."""

RESTORES = """\
An approval is spent once. Each ledger has a random identity. The user's state directory (`afcost
doctor` lists what is in it) keeps the last entry of each ledger and which ledger spends which
approval. The approval beside the plan carries the same as a watermark, written before the ledger
spends into each further hundredth of the cap. A ledger that does not have that entry is an older
copy and is refused.

Each campaign takes a copy at some moment of a run (of the approval, the ledger, the whole folder, a
PostgreSQL schema), lets the run go on until it is killed or ends, puts the copy back and runs the
plan again. Others remove the ledger's WAL or the whole run folder. Where the run is refused, what
the error says is done: the newest copy is put back, or `afcost ledger RUN accept-restored` counts
what is missing as spent.

{count} campaigns, {here} on the same machine: {refused} were refused, each with a way on, and in
the others nothing was missing. **The largest true bill was {worst} of the cap.**

On another machine, or without the state directory, only the watermark is there:

- {findable} of {elsewhere} campaigns restored the ledger, its WAL, the run folder or the database.
  The largest true bill was {findable_worst} of the cap.
- {hidden} restored the approval or the whole folder, and with it the watermark. {unfound} of them
  billed more than the cap, up to {hidden_worst} of it.

What is not found:

- without the state directory, a folder that was restored whole, or an approval that was restored to
  before its first run together with a removed or restored ledger;
- without it, what was spent after the newest watermark: up to a hundredth of the cap, and what was
  in flight;
- a restore on a machine that did not write to a shared ledger itself, and has no approval beside
  the plan;
- an approval that was copied to the same path on another machine before its first run;
- the owner of the files can remove the state directory and restore everything else, or change the
  ledger and compute its chain again. A key for the chain, `AFCOST_LEDGER_KEY`, makes a changed
  chain evident to those who have the key; it is never stored. It does not help against an owner
  who has it too, or who restores a whole copy."""

Cells = dict[tuple[Row, int, bool], list[Outcome]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1, help="campaigns for each cell")
    parser.add_argument("--random", type=int, default=1000, help="random campaigns")
    parser.add_argument("--outages", type=int, default=1, help="0 leaves them out")
    parser.add_argument("--restores", type=int, default=200, help="restore campaigns")
    parser.add_argument("--to", type=Path, default=PAGE)
    options = parser.parse_args()
    keys = [(r, c, killed) for killed in (False, True) for c in CONCURRENCY for r in ROWS]
    table = [
        campaign(row, concurrency, killed=killed, seed=seed)
        for row, concurrency, killed in keys
        for seed in range(options.seeds)
    ]
    began = time.monotonic()
    outcomes = _perform([*table, *map(random_campaign, range(options.random))])
    outages, late = _perform_outages(EVERY if options.outages else ())
    restored = _perform_restores(options.restores)
    minutes = (time.monotonic() - began) / 60
    each = iter(outcomes)
    cells = {key: [next(each) for _ in range(options.seeds)] for key in keys}
    told = (describe_outages(outages, late), _random(list(each)), describe_restores(restored))
    page = _page(cells, told, minutes)
    options.to.write_text(page, encoding="utf-8")
    found = [*outcomes, *(outage for _, outage in outages)]
    broken = [flaw for outcome in found for flaw in outcome.flaws]
    print(f"{len(found):,} campaigns in {minutes:.1f} minutes, {len(broken)} promises broken")
    print("\n".join(broken))
    raise SystemExit(bool(broken))


def _perform(campaigns: list[Campaign]) -> list[Outcome]:
    """Perform campaigns, and say how each of them went."""

    def one(numbered: tuple[int, Campaign], place: Stage) -> Outcome:
        number, each = numbered
        outcome = perform(each, place)
        said = f"{number + 1}/{len(campaigns)} {outcome.of_cap:.3f} {outcome.end}"
        print(said, *outcome.flaws, file=sys.stderr)
        return outcome

    return _perform_at_once(one, list(enumerate(campaigns)))


def _perform_outages(
    campaigns: Sequence[OutageCampaign],
) -> tuple[list[tuple[OutageCampaign, OutageOutcome]], int]:
    """Perform outages, and those that are late once more alone; return how many these are.

    The pace of the other model is measured where it has work throughout.
    """

    def one(each: OutageCampaign, place: Stage) -> OutageOutcome:
        found = perform_outage(each, place, paced=each.ends == "complete")
        print(each.name, found.outcome.holds, *found.flaws, file=sys.stderr)
        return found

    found = dict(zip(campaigns, _perform_at_once(one, campaigns), strict=True))
    late = [each for each, outage in found.items() if _is_of_time(outage)]
    found |= zip(late, _perform_at_once(one, late, at_once=1), strict=True)
    return list(found.items()), len(late)


def _is_of_time(found: OutageOutcome) -> bool:
    """Return whether all that is broken depends on what else the machine does at that moment."""
    return bool(found.flaws) and all(
        flaw.startswith(("SLOWED", "HAMMERED")) for flaw in found.flaws
    )


def _perform_at_once(
    one: Callable[[T, Stage], U], given: Sequence[T], at_once: int = AT_ONCE
) -> list[U]:
    """Do something for each, so many at a time, on a stage of its own."""
    free: SimpleQueue[Stage] = SimpleQueue()

    def on_a_stage(each: T) -> U:
        place = free.get()
        try:
            return one(each, place)
        finally:
            free.put(place)

    with ExitStack() as stack:
        os.environ["AFCOST_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        for _ in range(at_once):
            free.put(stack.enter_context(stage()))
        threads = stack.enter_context(ThreadPoolExecutor(at_once))
        return list(threads.map(on_a_stage, given))


def _perform_restores(count: int) -> list[tuple[RestoreCampaign, Restored]]:
    """Perform restore campaigns, one after the other."""
    found = []
    with tempfile.TemporaryDirectory() as home, stage() as place, run_postgres() as postgres:
        os.environ["AFCOST_HOME"] = home
        for campaign in map(draw_restore, range(count)):
            found.append((campaign, perform_restore(campaign, place, postgres.database)))
            print(campaign, amount(found[-1][1]), file=sys.stderr)
    return found


def describe_outages(found: list[tuple[OutageCampaign, OutageOutcome]], late: int) -> str:
    """Say in words, and in two tables, what came of the outages."""
    if not found:
        return "None were performed."
    at_cap = [pair for pair in found if pair[0].ends == "cap"]
    spacing = min(outage.spacing for _, outage in found)
    return OUTAGES.format(
        holds=_outage_table(found, lambda each: str(max(one.outcome.holds for one in each))),
        spent=_outage_table(at_cap, lambda each: _share(min(one.spent for one in each))),
        count=len(found),
        alone=sum(len(outage.outcome.runs) == 1 for _, outage in found),
        spacing=f"{math.floor(spacing * 100) / 100:.2f}",
        pace=math.floor(100 * min(outage.pace for _, outage in found)),
        flaws=sum(len(outage.flaws) for _, outage in found) or "No",
        late=LATE.format(late=late) if late else "",
    )


def _outage_table(
    found: list[tuple[OutageCampaign, OutageOutcome]], show: Callable[[list[OutageOutcome]], str]
) -> str:
    cells: dict[tuple[str, str, int], list[OutageOutcome]] = defaultdict(list)
    for each, outage in found:
        cells[each.kind, each.wait, each.concurrency].append(outage)
    lines = [f"| outage | {' | '.join(f'{each} in flight' for each in CONCURRENCY)} |"]
    lines.append("|---" * (1 + len(CONCURRENCY)) + "|")
    for kind, wait in FORMS:
        name = "connections refused" if kind == "refused" else kind
        told = f" with `{wait}`" if wait else ""
        shown = [show(cells[kind, wait, each]) for each in CONCURRENCY]
        lines.append(f"| {name}{told} | {' | '.join(shown)} |")
    return "\n".join(lines)


def describe_restores(found: list[tuple[RestoreCampaign, Restored]]) -> str:
    """Say in words what came of the restore campaigns."""
    here = [restored for campaign, restored in found if not campaign.elsewhere]
    elsewhere = [pair for pair in found if pair[0].elsewhere]
    hidden = [each for campaign, each in elsewhere if campaign.what in UNFINDABLE_ELSEWHERE]
    findable = [each for campaign, each in elsewhere if campaign.what not in UNFINDABLE_ELSEWHERE]
    return RESTORES.format(
        count=len(found),
        here=len(here),
        refused=sum(each.refused for each in here),
        worst=_worst_share(here),
        elsewhere=len(elsewhere),
        findable=len(findable),
        findable_worst=_worst_share(findable),
        hidden=len(hidden),
        unfound=sum(each.of_cap > 1 for each in hidden),
        hidden_worst=_worst_share(hidden),
    )


def _worst_share(restored: list[Restored]) -> str:
    return _share(max((each.of_cap for each in restored), default=0))


def _page(cells: Cells, told: tuple[str, str, str], minutes: float) -> str:
    outages, random, restores = told
    quiet, killed = (_table(cells, killed=killed) for killed in (False, True))
    busiest = [cells[ROWS[0], each, False][0].busiest for each in CONCURRENCY]
    notes = NOTES.format(
        busiest=", ".join(map(str, busiest)),
        beyond=_bounds(cells, "output beyond `max_tokens`"),
    )
    return TEXT.format(
        minutes=minutes,
        quiet=quiet,
        killed=killed,
        notes=notes,
        outages=outages,
        random=random,
        restores=restores,
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
        kinds = {fault.kind for fault in random_campaign(seed).behaviour.faults}
        (others if kinds & set(BROKEN_WORD) else kept).append(outcome)
    flaws = Counter(flaw.split(":")[0] for each in outcomes for flaw in each.flaws)
    runs = [run.end for outcome in outcomes for run in outcome.runs]
    worst = [_share(max((each.of_cap for each in group), default=0)) for group in (kept, others)]
    calls, answers = (
        sum(getattr(each, name) for each in outcomes) for name in ("calls", "answers")
    )
    return RANDOM.format(
        campaigns=len(outcomes),
        runs=len(runs),
        killed=runs.count("killed"),
        calls=calls,
        answers=answers,
        breaches=flaws["BREACH"],
        lost=flaws["LOST"],
        twice=flaws["PAID TWICE"],
        flaws=flaws.total(),
        kept=worst[0],
        other=worst[1],
        others=len(others),
    )


if __name__ == "__main__":
    main()
