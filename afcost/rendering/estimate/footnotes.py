"""The lines below an estimate's table: what its figures rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.estimate.output_notes import list_uncertainty
from estimator.caching import CACHE_NOTE
from estimator.forecast import Stratum, price_strata
from estimator.plan import (
    Estimate,
    Plan,
    cost_at_other_providers,
    describe_turns,
    format_main_prices,
    list_changes,
    list_joint_votes,
    list_price_notes,
    list_reasoning_notes,
)
from estimator.workload import PlannedModel, list_batch_notes


def _describe_expected(strata: Iterable[Stratum]) -> list[str]:
    """Say how many calls are expected of judges that the answers give some of them."""
    most, expected = Counter[str](), Counter[str]()
    for each in strata:
        if each.expected is not None:
            most[each.stage] += each.requests
            expected[each.stage] += round(each.expected)
    parts = [f"{judge} ~{expected[judge]:,} of {most[judge]:,}" for judge in most]
    said = f"calls: the answers decide how many there are: {', '.join(parts)}"
    return [said] if parts else []


def print_footnotes(console: Console, estimate: Estimate) -> None:
    """Print what the figures rest on: counts, lengths, prices, and what is sent."""
    plan = estimate.plan
    for line in (
        *_describe_exactness(estimate),
        *list_uncertainty(plan),
        *_describe_expected(plan.strata),
        *(f"out: {note}" for note in list_output_notes(estimate)),
        *describe_test(estimate),
        *_list_prices(estimate),
        *(f"batch: {way}" for way in list_batch_notes(estimate.experiment, plan.models)),
        *_describe_saving(estimate),
        *(f"sent: {change}" for change in describe_changes(estimate)),
        *list_caching(plan),
        *list_price_notes(plan.models, estimate.book.day, estimate.run_date),
    ):
        draw.print_text(console, line, "dim")


def _describe_saving(estimate: Estimate) -> Iterator[str]:
    """Say what batches likely save against calls, where the prices of those are known."""
    plan, day = estimate.plan, estimate.run_date
    saved = 0.0
    for written, model in plan.models.items():
        own = [each for each in plan.strata if each.model == written and each.requests]
        if model.offer.is_batch and own:
            if model.offer.calls is None:
                return
            saved += price_strata(own, model.offer.calls.highest_on(day))
            saved -= price_strata(own, model.card)
    if saved > 0:
        yield f"batch: likely {draw.format_dollars(saved)} less than by calls"


def _list_prices(estimate: Estimate) -> Iterator[str]:
    for written in estimate.experiment.spec.models:
        model = estimate.plan.models[written]
        source = describe_price_source(model, estimate.book.day)
        yield f"price: {model.name} {format_main_prices(model.card)} ({source})"
        if quotes := cost_at_other_providers(estimate, written):
            offers = (f"{provider} {draw.format_dollars(cost)}" for provider, cost in quotes)
            yield f"       at other providers: {', '.join(offers)}"


def list_caching(plan: Plan) -> list[str]:
    """List what of the prompts is cached, and why the rest is not, where that was asked for."""
    return [each for each in plan.assumptions if each.startswith(CACHE_NOTE)]


def describe_test(estimate: Estimate) -> list[str]:
    """Say what a sequential test does and may save, where there is one."""
    experiment = estimate.experiment
    if experiment.spec.sequential is None:
        return []
    from experiment.analysis.sequential import describe_sequential  # noqa: PLC0415 - loads numpy

    said = describe_sequential(experiment.spec, len(experiment.queries))
    return [said] if said else []


def list_output_notes(estimate: Estimate) -> list[str]:
    """List what a reader must know of outputs: turns, and reasoning that is not shown."""
    spec, turns = estimate.experiment.spec, describe_turns(estimate.experiment.spec)
    notes = list_reasoning_notes(spec, estimate.plan.models, only_hidden=True)
    return [*([turns] if turns else []), *notes]


def describe_changes(estimate: Estimate) -> list[str]:
    """List how what is sent differs from what the experiment writes."""
    experiment, models = estimate.experiment, estimate.plan.models
    changes = list_changes(experiment, models, estimate.sent)
    return [*changes, *list_joint_votes(experiment.spec, models)]


def describe_price_source(model: PlannedModel, today: date) -> str:
    """Describe where a model's price comes from, its date, and whether other sources agree."""
    card, apart = model.card, model.offer.disagreement_ratio(today)
    source = draw.format_source(card)
    others = len(model.offer.alternatives)
    if apart is None:
        return f"{source}; no other source"
    if apart > 1:
        return f"{source}; others differ by up to {apart.normalize():f} x"
    return f"{source}; {draw.format_count(others, 'other source agrees', 'other sources agree')}"


def _describe_exactness(estimate: Estimate) -> list[str]:
    lines = []
    bounded = {each.model for each in estimate.plan.strata if each.exactness == "approximate"}
    for written, model in estimate.plan.models.items():
        tokenizer = model.tokenizer
        if tokenizer.exactness.value != "exact":
            how = f"~{tokenizer.exactness.value}, {tokenizer.error}"
        elif model.counting.source:
            how = f"exact, with the tokenizer {tokenizer.name}"
        else:
            how = f"exact, {tokenizer.name}'s own vocabulary and framing"
        is_subject = written in estimate.experiment.spec.models
        if how.startswith("exact") and is_subject and written in bounded:
            how += ", but for a schema or template variables, ~approximate"
        lines.append(f"in: {model.name} {how}")
    if estimate.experiment.spec.judges:
        lines.append("judge input: ~forecast (contains the answers)")
    return list(dict.fromkeys(lines))  # a model may be written in two ways
