"""The lines of a batch's results, as its faults leave them."""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.support.provider.batches.job import Done, Job, Json


@dataclass(frozen=True)
class Result:
    """A line of results as it is written.

    `text` is JSON without a line's end; `call` is the till's number of what a client can read in
    it, None where that is nothing.
    """

    text: str
    call: int | None = None


def write_results(
    job: Job, done: Iterable[Done], write: Callable[[Done], Json], seed: int
) -> list[Result]:
    """Write results in a form, and do to them what the batch's faults say."""
    results = [_write(each, write) for each in done]
    count = {kind: fault.count(len(results)) for kind, fault in job.faults.items()}
    if "missing" in job.faults:
        results = results[count["missing"] :]
    if "not_json" in job.faults:
        broken = results[: count["not_json"]]
        results[: len(broken)] = [Result(each.text[: len(each.text) // 2]) for each in broken]
    if "duplicated" in job.faults:
        results += results[: count["duplicated"]]
    if "unknown_ids" in job.faults:
        results += [_disguise(each, job) for each in results[: count["unknown_ids"]]]
    if "unsorted" in job.faults:
        random.Random(f"{seed} unsorted {job.number}").shuffle(results)
    return results


def _write(done: Done, write: Callable[[Done], Json]) -> Result:
    text = json.dumps(write(done))
    if done.breaks_off:
        return Result(text[: len(text) // 2])
    return Result(text, done.call if done.is_readable and done.how == "succeeded" else None)


def _disguise(result: Result, job: Job) -> Result:
    """Give a result a custom id that nobody has sent."""
    for line in job.draft.lines:
        result = Result(result.text.replace(f'"{line.custom_id}"', f'"not-{line.custom_id}"'))
    return result
