"""A study's progress: what of a plan is answered, and what the rest may cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from afcost.rendering import console as draw
from estimator.forecast import CostRange, Stratum
from estimator.plan import Plan
from experiment.definition import SUBJECT
from pricing.money import Money, money_from_float

if TYPE_CHECKING:  # a first estimate imports nothing that runs
    from runner.launch import StudyProgress
    from runner.ledger import Balance

_LEAST_CHANCE = 0.01  # that is worth a line
_HEADER = ["stage", "model", "answered", "left", "in", "likely", "90% range", "ceiling"]


def show_progress(console: Console, plan: Plan, progress: StudyProgress) -> None:
    """Print what is answered of each stage of each model, and what the rest costs."""
    for line in describe_progress(progress):
        draw.print_text(console, line)
    if progress.answered_count and progress.left_count:
        rows = _build_rows(plan, progress)
        draw.print_table(console, _HEADER, rows, left_columns=2, has_total=True)


def describe_progress(progress: StudyProgress, cap: Money | None = None) -> list[str]:
    """Return in lines what is spent and answered, and what the rest costs.

    Args:
        progress: of the study.
        cap: that is about to be approved; None for the newest that the study has.
    """
    lines = [describe_spending(progress.study, progress.place, progress.balance)]
    if progress.is_unused:
        lines.append(
            f"This plan uses none of its {progress.stored:,} answers. If it is another experiment, "
            "plan it as a study of its own:  afcost estimate --study NAME"
        )
    if progress.answered_count or not progress.left_count:
        cost = describe_cost(progress.cost)
        lines.append(describe_rest(progress.answered_count, progress.left_count, cost))
        lines += _describe_chance(progress, cap or progress.balance.cap)
    return lines


def _describe_chance(progress: StudyProgress, cap: Money) -> list[str]:
    """Say how likely the rest costs more than a cap leaves, where that is worth a line."""
    chance = progress.find_chance_above(cap) if cap and progress.left_count else 0.0
    if chance < _LEAST_CHANCE:
        return []
    left = max(cap - progress.spent, Money())
    return [f"Chance that they cost more than the {left} that the cap leaves: about {chance:.0%}."]


def describe_spending(study: str, place: str, balance: Balance) -> str:
    """Return what a study has spent, and of which cap.

    Args:
        study: its name.
        place: where its ledger is.
        balance: of that.
    """
    of_cap = f", of the cap {balance.cap}" if balance.cap else ""
    return f"Study {study}: {place} counts {balance.spent} as spent{of_cap}."


def describe_rest(answered: int, left: int, cost: str, requests: str = "requests") -> str:
    """Return how many requests are answered, and what the others cost.

    Args:
        answered: how many are.
        left: how many are not.
        cost: of these, in words.
        requests: what they are called.
    """
    if not left:
        return f"All {answered:,} {requests} are answered; nothing is left."
    if not answered:
        return f"{left:,} {requests} cost {cost}."
    return f"{answered:,} {requests} are answered already; the other {left:,} cost {cost}."


def describe_cost(cost: CostRange) -> str:
    """Return a range of costs in words."""
    spread = f"{draw.format_dollars(cost.q05)} – {draw.format_dollars(cost.q95)}"
    likely, ceiling = draw.format_dollars(cost.mean), draw.format_dollars(cost.ceiling)
    return f"likely {likely}, 90% range {spread}, ceiling {ceiling}"


def find_likely_cap(plan: Plan, progress: StudyProgress | None) -> Money:
    """Return the cap that very likely covers a plan, with what its study has spent."""
    if progress is None:
        return money_from_float(plan.total.q95)
    return progress.spent + money_from_float(progress.cost.q95)


def add_progress(document: dict[str, Any], plan: Plan, progress: StudyProgress) -> dict[str, Any]:
    """Return an estimate as JSON with what is answered of each stratum, and what is left.

    Args:
        document: as `estimate_to_json` returns it; its strata are the plan's.
        plan: that was estimated.
        progress: of its study.
    """
    strata = progress.list_strata()
    given = [
        each | {"answered": answered}
        for each, (_, answered, _) in zip(document["strata"], strata, strict=True)
    ]
    left = [
        {
            "stage": planned.stage,
            "provider": plan.models[planned.model].name.provider,
            "model": plan.models[planned.model].name.short_name,
            "condition": planned.condition,
            "answered": answered,
            "requests": rest.requests if rest else 0,
            "input_tokens": rest.input_tokens if rest else 0,
            "cost_usd": rest.cost.to_json() if rest else None,
        }
        for planned, answered, rest in strata
    ]
    return document | {"strata": given, "remaining": progress.to_json() | {"strata": left}}


def _build_rows(plan: Plan, progress: StudyProgress) -> list[list[str]]:
    strata = progress.list_strata()
    pairs = dict.fromkeys((planned.stage, planned.model) for planned, _, _ in strata)
    rows = []
    for stage, model in sorted(pairs, key=lambda pair: pair[0] != SUBJECT):
        own = [each for each in strata if (each[0].stage, each[0].model) == (stage, model)]
        left = [rest for _, _, rest in own if rest is not None]
        cost = progress.rest.groups.get((stage, model))
        rows.append(
            [
                stage,
                str(plan.models[model].name),
                f"{sum(answered for _, answered, _ in own):,}",
                f"{sum(rest.requests for rest in left):,}",
                _format_input(left),
                *_format_cost(cost),
            ]
        )
    tokens = _format_input(progress.rest.strata)
    counts = [f"{progress.answered_count:,}", f"{progress.left_count:,}", tokens]
    return [*rows, ["total", "", *counts, *_format_cost(progress.cost)]]


def _format_input(left: Sequence[Stratum]) -> str:
    """Format the input of what is left; `~` where it is a forecast."""
    if not left:
        return ""
    is_exact = all(stratum.exactness == "exact" for stratum in left)
    tokens = draw.format_tokens(sum(stratum.input_tokens for stratum in left))
    return tokens if is_exact else f"~{tokens}"


def _format_cost(cost: CostRange | None) -> list[str]:
    if cost is None:
        return ["", "", ""]
    return [
        draw.format_dollars(cost.mean),
        f"{draw.format_dollars(cost.q05)} – {draw.format_dollars(cost.q95)}",
        draw.format_dollars(cost.ceiling),
    ]
