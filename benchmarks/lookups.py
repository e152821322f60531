"""What prices cost in time: their share of an estimate of many requests, each priced by itself.

    python benchmarks/lookups.py [--requests 100000]

The built-in experiment with generated queries, estimated in this process with an empty cache, first
as it is and then with every request written out. Counted is all that the pricing room does: making
the book (its sources are imported then), offers, ceilings, quotes of other providers and the price
of each request.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scale import _PER_QUERY, _experiment

from estimator import forecast
from estimator.plan import cost_at_other_providers, estimate_experiment
from experiment.definition import Overrides
from pricing.price_book import PriceBook
from pricing.rates import Offer, RateCard

WATCHED = [
    (
        PriceBook,
        (
            "__init__",
            "offer_for",
            "resolve_name",
            "context_window",
            "offers_at_other_providers",
            "retirement_of",
        ),
    ),
    (RateCard, ("worst_case_cost", "cost")),
    (Offer, ("reservation_card", "highest_on", "disagreement_ratio", "disputing_cards")),
    (forecast.forecast, ("price_average_request",)),
]


class Watch:
    """Adds up the time spent in what it wraps; calls within calls count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever it takes
            if self._inside:
                return function(*args, **kwargs)
            self._inside, began = True, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - began
                self._inside = False

        return timed


def main(requests: int) -> None:
    watch = Watch()
    for owner, watched in WATCHED:
        for function in watched:
            setattr(owner, function, watch.wrap(getattr(owner, function)))
    for every in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["AFCOST_HOME"] = folder
            path = _experiment(Path(folder), requests // _PER_QUERY)
            watch.seconds, began = 0.0, time.perf_counter()
            each = (lambda *_: None) if every else None
            made = estimate_experiment(
                str(path),
                datetime.now(UTC).date(),
                Overrides(models=("llama-3.1-70b",)),
                on_request=each,
            )
            for written in made.experiment.spec.models:
                cost_at_other_providers(made, written)
            seconds = time.perf_counter() - began
        what = "every request written out" if every else "as it is"
        print(
            f"{made.plan.request_count:,} requests, {what}: {seconds:.2f} s, prices "
            f"{watch.seconds:.2f} s, {watch.seconds / (seconds - watch.seconds):.1%} on top"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000)
    main(parser.parse_args().requests)
