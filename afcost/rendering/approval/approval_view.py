"""A plan as it is shown before it is approved: where it sends, what it may cost, what a cap covers.

`afcost approve` and `afcost rejudge` show it in the same words; the latter sends to judges alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from afcost.rendering import console as draw
from afcost.rendering.approval.cap_view import Outlook, describe_cap
from afcost.rendering.study_view import describe_progress
from estimator.plan import Plan, VerifiedPlan, describe_turns, list_own_prices, list_retirements
from estimator.workload import PlannedModel, list_unknown_fields
from experiment.analysis.sequential import describe_sequential
from experiment.definition import SUBJECT, list_uses, merge_extra
from pricing.money import Money
from providers.addresses import is_unencrypted
from providers.key_rule import goes_as_built_in
from providers.provider import Provider
from providers.registry import describe_unsent, list_changed_fields
from runner.launch import StudyProgress


def show_plan(  # noqa: PLR0913 - what is shown
    plan: Plan,
    verified: VerifiedPlan,
    cap: Money,
    until: datetime | None,
    providers: dict[str, Provider],
    progress: StudyProgress | None = None,
) -> None:
    """Print a plan: the providers, keys and prices it uses, and how far a cap would cover it.

    Args:
        plan: to approve.
        verified: the same, checked against today's files and prices.
        cap: the most that may be billed.
        until: when the approval expires, if it does.
        providers: every provider by name, with the experiment's changes.
        progress: of the plan's study; None where it has no ledger yet.
    """
    console = draw.stdout()
    draw.print_text(
        console, f"{plan.name}: {plan.request_count:,} requests, plan {plan.digest[:12]}", "bold"
    )
    for line in (
        *describe_sending(plan, verified, until, providers),
        *_describe_cost(plan, verified, cap, until, progress),
    ):
        draw.print_text(console, f"  {line}")


def describe_sending(
    plan: Plan,
    verified: VerifiedPlan,
    until: datetime | None,
    providers: dict[str, Provider],
    *,
    answered_only: bool = False,
) -> Iterator[str]:
    """Yield in lines where a plan sends, with which keys and fields, and at which own prices.

    Args:
        plan: to approve.
        verified: the same, checked against today's files and prices.
        until: when the approval expires, if it does.
        providers: every provider by name, with the experiment's changes.
        answered_only: nothing is sent to the subject models.
    """
    strata = [each for each in plan.strata if not answered_only or each.stage != SUBJECT]
    sent, stages = {each.model for each in strata}, {each.stage for each in strata}
    models = {written: model for written, model in verified.models.items() if written in sent}
    today = {written: model for written, model in verified.today.items() if written in sent}
    last_day = until and until.astimezone().date()
    yield from _describe_providers(models, providers)
    for folder in plan.trusted_folders:
        yield f"files from outside the experiment's folder: {folder}"
    yield from _describe_sampling(verified, models, stages)
    yield from _describe_own_prices(verified, models, today)
    yield from list_retirements(today, verified.book, last_day)


def _describe_providers(
    models: dict[str, PlannedModel], providers: dict[str, Provider]
) -> Iterator[str]:
    for name in sorted({model.name.provider for model in models.values()}):
        provider = providers[name]
        if provider.kind == "none":
            planned = [m.name for m in models.values() if m.name.provider == name]
            yield f"not sent: {describe_unsent(provider, planned)}"
            continue
        own = "" if goes_as_built_in(provider) else "  (set by the experiment file)"
        yield f"requests to {name}: {provider.base_url}{own}"
        if provider.api_key_env:
            yield f"  the key in {' or '.join(provider.api_key_env)} goes there"
        else:
            yield "  no key goes there"
        for field in list_changed_fields(provider):
            yield f"  {field}: {getattr(provider, field)}  (set by the experiment file)"
        if is_unencrypted(provider.base_url):
            yield "  http: others on the way can read the prompts, the answers and the key"


def _describe_sampling(
    verified: VerifiedPlan, models: dict[str, PlannedModel], stages: set[str]
) -> Iterator[str]:
    """Yield the sampling fields that change a price, route requests, or may do either."""
    for model in models.values():
        for field, value in model.offer.options:
            yield f"sampling of {model.name}: {field}: {value}, at a price of its own"
    yield from dict.fromkeys(
        f"sampling of {use.stage}: routed by provider: {routing}"
        for use in list_uses(verified.experiment.spec)
        if use.stage in stages and (routing := merge_extra(use.sampling).get("provider"))
    )
    for unknown in list_unknown_fields(verified.experiment, verified.models):
        if unknown.stage not in stages:
            continue
        said = (
            f"{unknown.provider} may charge for it; it is sent as it stands, as `extra` says"
            if unknown.is_paid
            else f"afcost does not know it; {unknown.provider} gets it as it stands"
        )
        yield f"sampling of {unknown.stage}: {unknown.name}: {said}"


def _describe_own_prices(verified: VerifiedPlan, *groups: dict[str, PlannedModel]) -> Iterator[str]:
    for price in list_own_prices(verified.experiment, groups, verified.book.day):
        yield f"price of {price.name}, set in a price file or by --price: {price.describe()}"


def _describe_cost(
    plan: Plan,
    verified: VerifiedPlan,
    cap: Money,
    until: datetime | None,
    progress: StudyProgress | None,
) -> Iterator[str]:
    total, ceiling, spec = plan.total, verified.ceiling, verified.experiment.spec
    spread = f"{draw.format_dollars(total.q05)} – {draw.format_dollars(total.q95)}"
    likely = draw.format_dollars(total.mean)
    yield f"likely {likely}, 90% range {spread}, ceiling {draw.format_dollars(ceiling)}"
    if ceiling != total.ceiling:
        planned = draw.format_dollars(total.ceiling)
        yield f"the ceiling covers every price until the approval expires; planned {planned}"
    if turns := describe_turns(spec):
        yield turns
    if sequential := describe_sequential(spec, len(verified.experiment.queries)):
        yield sequential
    if progress is None:
        yield describe_cap(
            cap, until, Outlook.of(replace(total, ceiling=ceiling), spec.answer.turns)
        )
        return
    yield from describe_progress(progress, cap)
    yield describe_cap(cap, until, Outlook.of(progress.cost, spec.answer.turns), progress.spent)
