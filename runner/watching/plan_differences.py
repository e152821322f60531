"""Plans of two runs: what differs in them, and whether their queries are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from experiment.definition import SUBJECT
from pricing.rates import RateCard
from runner.run_folder import RunFolder

_MOST_NAMES = 12  # of what differs, in a text
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """Something in which two plans differ.

    Attributes:
        what: of the plans.
        first, second: what each has, in words.
    """

    what: str
    first: str
    second: str


def have_same_queries(first: RunFolder, second: RunFolder) -> bool:
    """Return whether two runs ask the same queries, in any order."""
    return sorted(first.queries) == sorted(second.queries)


def list_differences(first: RunFolder, second: RunFolder) -> list[PlanDifference]:
    """Return what differs in the plans of two runs."""
    both = (first, second)
    found = [
        _compare("models", *(_name_models(run) for run in both)),
        _compare("queries", *(_describe_queries(run, other) for run, other in (both, both[::-1]))),
        _compare("samples", *(str(run.spec.samples) for run in both)),
        _compare("max_tokens", *(_describe_sampling(run) for run in both)),
        _compare("conditions", *(_name_conditions(run) for run in both)),
        _compare("judges", *(_name_judges(run) for run in both)),
        *_compare_prices(first, second),
        *_compare_files(first, second),
    ]
    return [each for each in found if each is not None]


def _compare(what: str, first: str, second: str) -> PlanDifference | None:
    return None if first == second else PlanDifference(what, first, second)


def _name_models(run: RunFolder) -> str:
    subjects = dict.fromkeys(s.model for s in run.plan.strata if s.stage == SUBJECT)
    return _list(str(run.plan.models[each].name) for each in subjects)


def _describe_queries(run: RunFolder, other: RunFolder) -> str:
    queries, known = run.queries, set(other.queries)
    own = sum(each not in known for each in queries)
    return f"{len(queries):,}" + (f", {own:,} of them only here" if own else "")


def _describe_sampling(run: RunFolder) -> str:
    limits = {"subjects": run.spec.sampling.max_tokens}
    for model, changes in run.spec.model_sampling.items():
        limits |= {model: changes["max_tokens"]} if "max_tokens" in changes else {}
    limits |= {judge.name: judge.sampling.max_tokens for judge in run.spec.judges}
    return _list(f"{name} {limit:,}" for name, limit in limits.items())


def _name_conditions(run: RunFolder) -> str:
    return _list(dict.fromkeys(each.condition for each in run.plan.strata))


def _name_judges(run: RunFolder) -> str:
    return _list(f"{each.name} ({each.model})" for each in run.spec.judges)


def _compare_prices(first: RunFolder, second: RunFolder) -> Iterable[PlanDifference]:
    cards = [
        {str(model.name): model.card for model in run.plan.models.values()}
        for run in (first, second)
    ]
    for name in sorted(cards[0].keys() & cards[1].keys()):
        one, other = (_describe_price(each[name]) for each in cards)
        if one != other:
            yield PlanDifference(f"price of {name}", one, other)


def _describe_price(card: RateCard) -> str:
    """Return a price in words; a longer prompt may have another."""
    cached = f", ${card.cache_read.base} cached" if card.cache_read else ""
    fee = f", ${card.per_request} a request" if card.per_request else ""
    return f"${card.input.base} in, ${card.output.base} out{cached}{fee} per million tokens"


def _compare_files(first: RunFolder, second: RunFolder) -> Iterable[PlanDifference]:
    one, other = first.plan.files, second.plan.files
    changed = [name for name in one.keys() & other.keys() if one[name] != other[name]]
    if changed:
        yield PlanDifference("files that differ", _list(sorted(changed)), _list(sorted(changed)))
    only = [sorted(a.keys() - b.keys()) for a, b in ((one, other), (other, one))]
    if any(only):
        yield PlanDifference("files only in one", *map(_list, only))


def _list(names: Iterable[str] | Mapping[str, object]) -> str:
    found = list(names)
    more = f" and {len(found) - _MOST_NAMES:,} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + more or NOTHING
