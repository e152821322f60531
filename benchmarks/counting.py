"""How fast and how right prompts are counted for Llama 3.1, beside the peers, on one core.

    python benchmarks/counting.py [--peers PYTHON] [--rounds 3] [--requests 10000] [--megabytes 20]

Two tables: many short queries under one system prompt, and documents that share nothing. Every row
has a process of its own, an empty memory and an empty cache, and counts strings that were never
seen as objects before, unless it says otherwise. The fast encoder is loaded once 32 MB of long
texts were counted; its row has it from the start, as peers have theirs. Rows take turns; figures
are medians over the rounds. A slow row of the first table stops after 2 s of counting and says how
many prompts that were. Right is what transformers' `apply_chat_template` gives with the vocabulary
and the template of Llama 3.1.
`--peers` names a Python that has the peers; without it one is made, which takes a minute once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

os.environ |= {
    "RAYON_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
if hasattr(os, "sched_setaffinity"):  # every row's process inherits it
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import peers
import texts

AFCOST, SHARED_OBJECTS = "afcost, fresh strings", "afcost, shared objects"
FAST, SLOW = "afcost, fast encoder loaded", "afcost, first 32 MB"
FLOOR, BATCH = "rendering alone (jinja2)", "tokenizers encode_batch"
CHATS = {
    AFCOST: "afcost",
    SHARED_OBJECTS: "afcost",
    FLOOR: "rendering",
    "tokenizers encode_batch_fast": "encode_batch_fast",
    "transformers": "transformers",
    "tiktoken": "tiktoken",
    "litellm, offline (cl100k_base)": "litellm",
    "litellm, given the vocabulary": "litellm_given",
    "tokencost (cl100k_base)": "tokencost",
}
DOCUMENTS = {
    FAST: "afcost_fast",
    SLOW: "afcost",
    BATCH: "encode_batch",
    "tokenizers encode_batch_fast": "encode_batch_fast",
    "tiktoken": "tiktoken",
}
_NOT_PEERS = {AFCOST, SHARED_OBJECTS, FLOOR}


class Row(NamedTuple):
    """What came of a row: its speed in each round and its errors, or why there are none.

    Attributes:
        speeds: in the table's unit.
        counted: how many prompts were counted in a round.
        right: how many of them as the oracle counts them.
        error: relative error of their sum.
    """

    speeds: tuple[float, ...] = ()
    counted: int = 0
    right: int = 0
    error: float = 0.0
    failure: str = ""

    @property
    def speed(self) -> float:
        return median(self.speeds) if self.speeds else 0.0

    @property
    def exact(self) -> bool:
        return self.right == self.counted > 0

    def times(self, other: Row) -> list[float]:
        """How many times as fast as another row, in each round."""
        return [mine / its for mine, its in zip(self.speeds, other.speeds, strict=True)]


def measured(
    rows: dict[str, str], given: dict[str, Any], sizes: list[float], python: str, rounds: int
) -> dict[str, Row]:
    """Measure rows in turns, after the oracle.

    Args:
        rows: a row's title -> its function in `peers`.
        given: the prompts, as `peers.measure` takes them.
        sizes: how much work each prompt is, in the table's unit.
        python: the peers' interpreter.
        rounds: how often.
    """
    oracle = _counted(python, "transformers", given | {"whole": True, "fresh": True})
    if "failure" in oracle:
        sys.exit(f"nothing to compare with: transformers: {oracle['failure']}")
    found = {title: Row() for title in rows}
    for _ in range(rounds):
        for title, name in rows.items():
            own = sys.executable if name in {"afcost", "afcost_fast", "rendering"} else python
            if not found[title].failure:
                done = _counted(own, name, given | {"fresh": title != SHARED_OBJECTS})
                found[title] = _grown(found[title], done, oracle["counts"], sizes)
    return found


def main() -> None:
    options = _options()
    peers.fetch()
    python = options.peers or peers.interpreter()

    queries = texts.queries(options.requests)
    system = texts.system_prompt()
    given = {"system": system, "texts": queries, "whole": False}
    chats = measured(CHATS, given, [1.0] * len(queries), python, options.rounds)
    print(f"{len(queries):,} queries under one system prompt of {len(system):,} characters")
    _print(chats, "requests/s")

    pages = texts.documents(options.megabytes * 10**6)
    sizes = [len(page.encode()) / 1e6 for page in pages]
    given = {"system": "", "texts": pages, "whole": True}
    documents = measured(DOCUMENTS, given, sizes, python, options.rounds)
    print(f"\n{len(pages):,} documents, {sum(sizes):.1f} MB, half prose and half Python")
    _print(documents, "MB/s")
    _verdict(chats, documents)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", help="a Python that has the peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=20)
    return parser.parse_args()


def _counted(python: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run one row in a process of its own; a `failure` says why it could not."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "in.json"), Path(folder, "out.json")
        source.write_text(json.dumps(given), encoding="utf-8")
        command = [python, peers.__file__, name, str(source), str(result)]
        nothing_kept = os.environ | {"AFCOST_HOME": folder}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=nothing_kept
        )
        if done.returncode:
            return {"failure": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


def _grown(row: Row, done: dict[str, Any], right: list[int], sizes: list[float]) -> Row:
    if "failure" in done:
        return Row(failure=done["failure"])
    counts = done["counts"]
    return Row(
        speeds=(*row.speeds, sum(sizes[: len(counts)]) / done["seconds"]),
        counted=len(counts),
        right=sum(a == b for a, b in zip(counts, right, strict=False)),
        error=sum(counts) / sum(right[: len(counts)]) - 1,
    )


def _print(rows: dict[str, Row], unit: str) -> None:
    print(f"{'':34}{unit:>12}{'all rounds':>20}{'counted right':>18}{'total':>9}")
    for title, row in rows.items():
        if row.failure:
            print(f"{title:34}cannot: {row.failure}")
            continue
        spread = f"{min(row.speeds):,.1f}-{max(row.speeds):,.1f}"
        errors = f"{f'{row.right:,} of {row.counted:,}':>18}{row.error:>+9.2%}"
        print(f"{title:34}{row.speed:12,.1f}{spread:>20}{'' if title == FLOOR else errors}")


def _verdict(chats: dict[str, Row], documents: dict[str, Row]) -> None:
    """Print what afcost is held to; a ratio is the median of the rounds' own ratios."""
    mine = chats[AFCOST]
    peer_rows = {title: chats[title] for title in CHATS if title not in _NOT_PEERS}
    exact = {title: row for title, row in peer_rows.items() if row.exact}
    print()
    for kind, among, target in (("exact peer", exact, 20), ("peer of any kind", peer_rows, 5)):
        title = max(among, key=lambda title: among[title].speed)
        _ratio(f"as fast as the fastest {kind}, {title}", mine.times(among[title]), f">= {target}")
    _ratio("the time of rendering alone", chats[FLOOR].times(mine), "<= 3")
    _ratio(f"as fast as {BATCH} on documents", documents[SLOW].times(documents[BATCH]), ">= 5")
    _ratio("as fast on documents with the fast encoder", documents[FAST].times(documents[SLOW]),
           ">= 2.5")  # fmt: skip
    held = (mine, chats[SHARED_OBJECTS], documents[FAST], documents[SLOW])
    print(f"afcost's counts: {'every one right' if all(row.exact for row in held) else 'WRONG'}")


def _ratio(what: str, ratios: list[float], target: str) -> None:
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(f"{median(ratios):8.2f} x {what} ({spread}; target {target})")


if __name__ == "__main__":
    main()
