"""How often a forecast's 90 % range holds what it came to, on billed output lengths.

    python benchmarks/calibration.py LENGTHS.csv.gz [--billed USAGE.csv] [--draws 2000]
        [--parts pilots,limits,live,replay,stop,priors] [--all-queries] [--processes 2] [--seed 16]

LENGTHS has the columns model, prompt, sample, out_tok; USAGE has tier, qidx, prompt_tokens,
completion_tokens, billed_cost_usd. Without arguments they are $AFCOST_LENGTHS and $AFCOST_BILLED.

Each line is a cell of 2,000 trials. `covers` is how often the actual cost was inside the 90 %
range, `above` how often it was above, `width` how wide the range is in shares of the likely cost.
Beside it stand naive forecasts of the same trials: `strata apart` adds strata as if they had no
query in common, `calls apart` takes several samples of a query for as many queries, `mean only`
clips the mean of a history to `max_tokens` instead of each answer, `all settled` takes the calls
that have finished for a fair sample while others are in flight. A cell outside of its target says
so.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.forecast_trials.billed_run import read_billed_run, score_replay
from benchmarks.forecast_trials.lengths import read_lengths
from benchmarks.forecast_trials.live import LiveCell, score_live
from benchmarks.forecast_trials.pilots import Cell, LimitCell, Score, score_cell, score_limit
from benchmarks.forecast_trials.priors import list_unexpected, score_priors, score_totals
from benchmarks.forecast_trials.stops import StopScore, score_billed_stops, score_stops
from runner.pilot import PilotGoal

SEED, DRAWS, REPLAYS = 16, 2_000, 500
PARTS = ("pilots", "limits", "live", "replay", "stop", "priors")
STOPS = [PilotGoal(width) for width in (0.2, 0.3, 0.4)]
CELLS = [
    Cell(strata, k, samples, is_shared)
    for strata in (1, 4, 12, 24)
    for is_shared in ((False, True) if strata > 1 else (False,))
    for samples in (1, 3)
    for k in (5, 10, 20)
]
LIMITS = [LimitCell(limit, k) for limit in (0.75, 1.0, 1.5, 2.0) for k in (10, 20)]
LIVE = [LiveCell(*each) for each in ((4, 1), (12, 1), (4, 16), (12, 16), (24, 16), (24, 64))]
STOP_STRATA = (1, 4, 12)
LIVE_TARGET, REPLAY_TARGET, PRIOR_TARGET = (0.84, 0.95), (0.87, 0.93), (0.87, 0.95)


class Misses:
    """Prints lines, and counts those that are outside of their target."""

    def __init__(self) -> None:
        self.lines = self.missed = 0

    def print(self, line: str, cover: float, target: tuple[float, float]) -> None:
        """Print a line, with a word where the coverage misses its target."""
        low, high = target
        is_inside = low <= round(cover, 3) <= high
        self.lines, self.missed = self.lines + 1, self.missed + (not is_inside)
        print(line if is_inside else f"{line}  MISSES {low:.2f}-{high:.2f}", flush=True)


def show_pilots(given: argparse.Namespace, pool: ProcessPoolExecutor, misses: Misses) -> None:
    print("\npilots of k queries a stratum; the rest of the run is forecast")
    print("strata   k  samples  pilots        covers above width   strata apart  calls apart")
    scores = pool.map(_score_cell, ((given, cell) for cell in CELLS))
    for cell, found in zip(CELLS, scores, strict=True):
        apart = _cover(found["strata apart"]) if cell.strata > 1 else ""
        queries = "shared" if cell.is_shared else "independent"
        line = (
            f"{cell.strata:6} {cell.k:3} {cell.samples:8}  {queries:12} "
            f"{_describe(found['afcost'])}   {apart:>12}  {_cover(found['calls apart']):>11}"
        )
        misses.print(line, found["afcost"].cover, cell.target)


def show_limits(given: argparse.Namespace, pool: ProcessPoolExecutor, _misses: Misses) -> None:
    print("\na history of k longer answers, one stratum; max_tokens in means of the answers")
    print("max_tokens   k  covers above width   mean only: covers above width")
    scores = pool.map(_score_limit, ((given, cell) for cell in LIMITS))
    for cell, (each, mean_only) in zip(LIMITS, scores, strict=True):
        print(f"{cell.limit:10} {cell.k:3}  {_describe(each)}   {_describe(mean_only):>29}")


def show_live(given: argparse.Namespace, pool: ProcessPoolExecutor, misses: Misses) -> None:
    print("\na run that goes on, 3 samples; shown is the share of runs with a forecast by then")
    print("strata  in flight  settled  shown  covers above width   all settled")
    scores = pool.map(_score_live, ((given, cell) for cell in LIVE))
    for cell, found in zip(LIVE, scores, strict=True):
        for share, by_name in found.items():
            ours, naive = by_name["afcost"], by_name["all settled"]
            if not ours.held:
                continue
            shown = len(ours.held) / given.draws
            line = (
                f"{cell.strata:6} {cell.in_flight:10} {share:8.0%} {shown:6.0%}  {_describe(ours)}"
                f"   {_cover(naive):>11}"
            )
            if shown >= 0.5:
                misses.print(line, ours.cover, LIVE_TARGET)
            else:
                print(line, " (too early in most runs)")


def show_replay(given: argparse.Namespace, _pool: ProcessPoolExecutor, misses: Misses) -> None:
    if given.billed is None:
        print("\nno billed run is given (--billed)")
        return
    tiers = read_billed_run(given.billed)
    print(f"\nthe billed run, from pilots of k queries a tier, {REPLAYS} draws")
    print("  k  pilots       covers above width")
    for k in (5, 10, 20):
        for is_shared in (False, True):
            score = score_replay(tiers, k, is_shared=is_shared, draws=REPLAYS, seed=given.seed)
            line = f"{k:3}  {'shared' if is_shared else 'independent':11}  {_describe(score)}"
            if k == 20 and not is_shared:
                misses.print(line, score.cover, REPLAY_TARGET)
            else:
                print(line)


def show_stops(given: argparse.Namespace, pool: ProcessPoolExecutor, _misses: Misses) -> None:
    print("\npilots that stop at a range of +- width, or after 25 queries a stratum")
    print("run          width  queries: mean, quartiles  narrow  covers above width")
    if given.billed is not None:
        tiers = read_billed_run(given.billed)
        for goal in STOPS:
            _print_stops("billed", goal, score_billed_stops(
                tiers, goal, draws=REPLAYS, seed=given.seed
            ))  # fmt: skip
    cells = [(strata, goal) for strata in STOP_STRATA for goal in STOPS]
    scores = pool.map(_score_stops, ((given, *cell) for cell in cells))
    for (strata, goal), score in zip(cells, scores, strict=True):
        _print_stops(f"{strata} {'stratum' if strata == 1 else 'strata'}", goal, score)


def _print_stops(name: str, goal: PilotGoal, score: StopScore) -> None:
    print(f"{name:10} {goal.width:7} {score.describe():>32} {_describe(score)}", flush=True)


def show_priors(given: argparse.Namespace, _pool: ProcessPoolExecutor, misses: Misses) -> None:
    print("\npriors, each model left out in turn")
    print("class       models  median  from the others  as shipped  afcost's own")
    for name, found in score_priors(given.data).items():
        line = (
            f"{name:10} {found.models:7} {found.median:7.0f} {found.others:16.3f}"
            f" {found.shipped:11.3f} {found.own:13.3f}"
        )
        misses.print(line, found.others, PRIOR_TARGET)
    print("\nseveral models by prior: models, 90 % range holds, width in shares of added ranges")
    for name, models in (("answer", 4), ("answer", 10), ("reasoning", 4)):
        held, width = score_totals(given.data, name, models, given.draws, given.seed)
        print(f"{name:10} {models:7} {held:6.3f} {width:5.2f}")
    wrong = list_unexpected()
    print("models that reason, with the prior of those that do not:", ", ".join(wrong) or "none")


def _score_cell(each: tuple[argparse.Namespace, Cell]) -> dict[str, Score]:
    given, cell = each
    return score_cell(given.data, cell, given.draws, given.seed)


def _score_limit(each: tuple[argparse.Namespace, LimitCell]) -> tuple[Score, Score]:
    given, cell = each
    return score_limit(given.data, cell, given.draws, given.seed)


def _score_live(
    each: tuple[argparse.Namespace, LiveCell],
) -> dict[float, dict[str, Score]]:
    given, cell = each
    return score_live(given.data, cell, given.draws, given.seed)


def _score_stops(each: tuple[argparse.Namespace, int, PilotGoal]) -> StopScore:
    given, strata, goal = each
    return score_stops(given.data, strata, goal, draws=given.draws, seed=given.seed)


def _describe(score: Score) -> str:
    return f"{score.cover:6.3f} {score.over:5.3f} {score.width:5.2f}"


def _cover(score: Score) -> str:
    return f"{score.cover:.3f}" if score.held else ""


def parse_arguments(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lengths", type=Path, nargs="?", default=os.environ.get("AFCOST_LENGTHS"))
    parser.add_argument("--billed", type=Path, default=os.environ.get("AFCOST_BILLED"))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--all-queries", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(None if arguments is None else list(arguments))
    if given.lengths is None:
        parser.error("which output lengths? Give a csv, or set AFCOST_LENGTHS")
    given.lengths = Path(given.lengths)
    given.billed = None if given.billed is None else Path(given.billed)
    return given


def main() -> None:
    given, began, misses = parse_arguments(), time.perf_counter(), Misses()
    given.data = read_lengths(given.lengths, all_queries=given.all_queries)
    models, queries, samples = given.data.tokens.shape
    print(f"{models} models x {queries} queries x {samples} samples, {given.draws:,} draws a cell")
    shows = (show_pilots, show_limits, show_live, show_replay, show_stops, show_priors)
    with ProcessPoolExecutor(given.processes) as pool:
        for part, show in zip(PARTS, shows, strict=True):
            if part in given.parts.split(","):
                show(given, pool, misses)
    seconds = time.perf_counter() - began
    print(f"\n{misses.missed} of {misses.lines} cells miss their target; {seconds:.0f} s")


if __name__ == "__main__":
    main()
