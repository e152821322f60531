"""Whether the cap holds for batches: each fault of a provider, crossed with a kill at every step.

python benchmarks/batch_faults.py                  # writes docs/batch-faults.md
python benchmarks/batch_faults.py --stride 20      # the same, of every 20th step alone
python benchmarks/batch_faults.py --form openai --fault expired   # prints a part of its tables
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.batch_campaign import (
    SOME_FAULTS,
    BatchCampaign,
    has_fault,
    is_untold,
    perform,
)
from tests.runner.batches.served_batches import FAULTS, make_served
from tests.support.provider.batches.served_forms import FORMS, MAIN_FORMS
from tests.support.provider.server import run_provider

PAGE = Path(__file__).parent.parent / "docs" / "batch-faults.md"
NAMES = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "google": "Google",
    "openrouter": "OpenRouter",
    "groq": "Groq",
    "deepinfra": "DeepInfra",
    "together": "Together",
    "mistral": "Mistral",
}
OTHER_FORMS = tuple(form for form in FORMS if form not in MAIN_FORMS)
STRIDE_OF_OTHERS = 20
Cell = tuple[str, str]  # form, fault
Cells = dict[Cell, BatchCampaign]

TEXT = """\
# Does the cap hold for batches?

A run of 8 subject requests with a judge each, all in batches, two in each stage, at the test
provider over HTTP, which has its own bill by line. It is killed at a step (before and after each
transaction of its ledger, each request to the provider and each line that is read), from which on
nothing of it reaches either of them, and is run again until it is complete; after each run its
books are compared with the bill. The first two uploads, creations or batches have the fault. The
cap pays for 12 jobs at the most that each can cost.

A command writes this page, never a person:

```sh
python benchmarks/batch_faults.py{option}  # writes this page; it took {minutes:.0f} minutes
pytest -m faults -n 2 tests/faults/test_batches.py  # the same campaigns as tests, and more
pytest -m campaigns tests/faults/test_batches.py    # some of them
pytest -m campaigns tests/e2e/test_batches.py       # the command, killed with kill -9
```

Each cell shows the largest true bill / cap, and in brackets how many runs there were, each killed
at another step but for one. A fault's name is that of
`tests/support/provider/batches/batch_behaviour.py`.

## {steps}

{main}

{verdict}

`held` marks lines that the provider has billed and does not tell, or tells so that they cannot be
read: they stay held, and are asked for again in a further attempt. Google gives no results of a
batch that ran out of time. A file that leaves out lines once (`results_short`) is fetched again,
and is whole. Anthropic and OpenRouter take no files (`–`).

## Other providers

The forms of Groq, DeepInfra, Together and Mistral share most of OpenAI's; they were killed at
every {stride}th step, in {others:,} runs:

{other}

No table says what a real provider does: a batch whose creation was not answered counts as not made
if it is not listed a quarter of an hour later.
"""


def main() -> None:
    """Perform the campaigns; write the page where they are of all faults and forms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stride", type=int, default=1, help="kill at every so many steps")
    parser.add_argument("--form", choices=FORMS, action="append", help="only of this one")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    wanted = [
        (form, fault)
        for form, fault in _list_cells()
        if form in (options.form or FORMS) and fault in (options.fault or FAULTS)
    ]
    began = time.monotonic()
    cells = _perform_all(wanted, options.stride, options.workers)
    if options.form is None and options.fault is None:
        page = _write_page(cells, options.stride, (time.monotonic() - began) / 60)
        PAGE.write_text(page, encoding="utf-8")
    else:
        tables = (_table(cells, forms) for forms in (MAIN_FORMS, OTHER_FORMS))
        print("\n\n".join(filter(None, tables)))
    sys.exit(any(each.flaws for each in cells.values()))


def _list_cells() -> list[Cell]:
    main = [(form, fault) for fault in FAULTS for form in MAIN_FORMS if has_fault(form, fault)]
    return main + [(form, fault) for form in OTHER_FORMS for fault in SOME_FAULTS]


def _perform_all(wanted: Sequence[Cell], stride: int, workers: int) -> Cells:
    """Perform campaigns beside each other, each at a provider of its own."""
    cells: Cells = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = {
            pool.submit(_perform, cell, stride if cell[0] in MAIN_FORMS else STRIDE_OF_OTHERS): cell
            for cell in wanted
        }
        for done in as_completed(running):
            cell = running[done]
            cells[cell] = found = done.result()
            print(*cell, _show(cell, found), *found.flaws, file=sys.stderr, sep="  ", flush=True)
    return cells


def _perform(cell: Cell, stride: int) -> BatchCampaign:
    form, fault = cell
    os.environ |= {each.key: "sk-test" for each in FORMS.values()}
    with run_provider() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AFCOST_HOME"] = str(folder / "home")
        return perform(make_served(folder / "e", form, server), folder, fault, stride)


def _write_page(cells: Cells, stride: int, minutes: float) -> str:
    main = {cell: each for cell, each in cells.items() if cell[0] in MAIN_FORMS}
    others = sum(each.runs for cell, each in cells.items() if cell[0] not in MAIN_FORMS)
    option = "" if stride == 1 else f" --stride {stride}"
    return TEXT.format(
        option=f"{option:18}",  # so that the comments stand in a column
        minutes=minutes,
        steps="Every step" if stride == 1 else f"Every {stride}th step",
        main=_table(cells, MAIN_FORMS),
        verdict=_judge(main),
        stride=STRIDE_OF_OTHERS,
        others=others,
        other=_table(cells, OTHER_FORMS),
    )


def _judge(cells: Cells) -> str:
    """Say what came of all of them."""
    runs = sum(each.runs for each in cells.values())
    breaches = sum(each.share > 1 for each in cells.values())
    lost = sum(each.lost for each in cells.values())
    twice = sum(each.paid_twice for cell, each in cells.items() if not is_untold(*cell))
    flaws = sum(len(each.flaws) for each in cells.values())
    told = f"{breaches} breaches, {lost} lost answers, {twice} lines paid twice"
    return (
        f"In {runs:,} runs: **{told}**, and {flaws or 'no'} broken promises of any kind. The true "
        "bill never exceeded what the ledger counted at that time."
    )


def _table(cells: Cells, forms: Sequence[str]) -> str:
    shown = [form for form in forms if any(form == each for each, _ in cells)]
    faults = [fault for fault in FAULTS if any((form, fault) in cells for form in shown)]
    if not shown:
        return ""
    lines = [f"| fault | {' | '.join(NAMES[form] for form in shown)} |"]
    lines.append("|---" * (1 + len(shown)) + "|")
    for fault in faults:
        texts = [
            _show((form, fault), cells[form, fault]) if (form, fault) in cells else "–"
            for form in shown
        ]
        lines.append(f"| {_name(fault)} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _name(fault: str) -> str:
    first, _, second = fault.partition(", ")
    return "none" if fault == "none" else f"`{first}`" + (", and listed late" if second else "")


def _show(cell: Cell, found: BatchCampaign) -> str:
    share = f"{math.ceil(found.share * 1000) / 1000:.3f} ({found.runs:,})"
    is_held = bool(found.paid_twice) and is_untold(*cell)
    return share + " held" * is_held + f" {len(found.flaws)} FLAWS" * bool(found.flaws)


if __name__ == "__main__":
    main()
