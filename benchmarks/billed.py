"""Hold counts against a bill: how many of a run's calls were billed for what is counted here.

    python benchmarks/billed.py EXPERIMENT.yaml USAGE.csv

USAGE.csv has the columns of `afcost estimate --history`: provider, model, condition, query, stage,
input_tokens, output_tokens. Prints the calls that agree, and the differences of the others.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from estimator.plan import estimate_experiment
from estimator.workload import CountedRequest
from pricing.catalog import ModelName

Call = tuple[str, str, str, str, str]


def main(experiment: str, usage: str) -> None:
    counted: dict[Call, int] = {}

    def note(each: CountedRequest, name: ModelName, *_costs: object) -> None:
        request = each.request
        for model in {name.short_name, name.id}:
            call = (request.stage, name.provider, model, request.condition, str(request.query))
            counted[call] = each.count.tokens

    estimate_experiment(experiment, datetime.now(UTC).date(), on_request=note)
    differences: Counter[int] = Counter()
    with Path(usage).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            call = tuple(row[name] for name in ("stage", "provider", "model", "condition", "query"))
            differences[int(row["input_tokens"]) - counted[call]] += 1  # type: ignore[index]
    print(f"{differences[0]} of {differences.total()} calls were billed for what is counted here")
    for difference, calls in sorted(differences.items()):
        if difference:
            print(f"  {calls} calls: {difference:+d} tokens")


if __name__ == "__main__":
    main(*sys.argv[1:])
