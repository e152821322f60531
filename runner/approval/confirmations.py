"""Confirmations: what an approver must say yes to besides the amount.

Keys that go elsewhere than to a built-in provider's own address, prices of the user's own that are
so low that no cap could hold, and fields that a paid API may charge for. Each has a line that the
approval keeps, so that every process which runs the plan finds it there.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from estimator.plan import OwnPrice, VerifiedPlan, list_own_prices
from estimator.workload import list_unknown_fields
from providers.addresses import find_service
from providers.key_rule import list_keys_to_confirm
from providers.provider import Provider
from providers.registry import list_changed_fields
from runner.errors import NotApproved


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One thing to say yes to.

    Attributes:
        line: as an approval keeps it.
        option: the option of `afcost approve` that says yes to it.
        value: of the option.
    """

    line: str
    option: str
    value: str

    @property
    def flag(self) -> str:
        """Return the option with its value, as it is written in a shell."""
        return f"{self.option} {shlex.quote(self.value)}"


def list_confirmations(
    verified: VerifiedPlan, providers: dict[str, Provider], *, answered_only: bool = False
) -> list[Confirmation]:
    """Return everything about a plan that its approver must say yes to.

    Args:
        verified: the plan, checked against today's files and prices.
        providers: every provider by name, with the experiment's changes.
        answered_only: nothing is sent to the subject models.
    """
    sent = set(verified.models)
    if answered_only:
        sent = {judge.model for judge in verified.experiment.spec.judges}
    used = sorted({verified.models[each].name.provider for each in sent})
    found = [
        *(each for name in used for each in confirm_keys(providers[name])),
        *_confirm_prices(verified, sent),
        *_confirm_fields(verified),
        *(each for name in used for each in _confirm_limits(providers[name])),
    ]
    return list(dict.fromkeys(found))


def refuse_unconfirmed(
    needed: Iterable[Confirmation],
    confirmed: Collection[str],
    plan_path: Path,
    run_dir: Path | None = None,
) -> None:
    """Refuse a plan of which its approval leaves something unconfirmed.

    Raises:
        NotApproved: names each thing, and the command that approves it.
    """
    missing = [each for each in needed if each.line not in confirmed]
    if missing:
        lines = "\n".join(f"  {each.line}" for each in missing)
        flags = " ".join(each.flag for each in missing)
        flags += f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
        raise NotApproved(
            f"the approval of {plan_path} does not confirm:\n{lines}\nNothing was sent. Approve it "
            f"again:  afcost approve {shlex.quote(str(plan_path))} --cap USD {flags}"
        )


def confirm_keys(provider: Provider) -> Iterator[Confirmation]:
    """Yield the keys of a provider that go elsewhere than to its own address."""
    for variable in list_keys_to_confirm(provider):
        key = f"{provider.name}={variable}"
        yield Confirmation(f"key {key} at {provider.base_url}", "--trust", key)


def _confirm_prices(verified: VerifiedPlan, sent: Collection[str]) -> Iterator[Confirmation]:
    groups = [
        {written: model for written, model in group.items() if written in sent}
        for group in (verified.models, verified.today)
    ]
    yield from confirm_prices(list_own_prices(verified.experiment, groups, verified.book.day))


def confirm_prices(prices: Iterable[OwnPrice]) -> Iterator[Confirmation]:
    """Yield the prices of the user's own with which no cap would hold, if they are wrong."""
    for price in prices:
        if price.can_break_cap:
            yield Confirmation(f"price {price.name}", "--accept-price", str(price.name))


def _confirm_fields(verified: VerifiedPlan) -> Iterator[Confirmation]:
    for field in list_unknown_fields(verified.experiment, verified.models):
        if field.is_paid:
            yield Confirmation(
                f"field {field.name} at {field.provider}", "--accept-field", field.name
            )


def _confirm_limits(provider: Provider) -> Iterator[Confirmation]:
    """Yield what decides whether a paid API knows a limit of the output, and bills as planned."""
    changed = list_changed_fields(provider) if find_service(provider) else ()
    if "max_tokens_field" in changed:
        line = f"field max_tokens_field: {provider.max_tokens_field} at {provider.name}"
        yield Confirmation(line, "--accept-field", "max_tokens_field")
    if "capabilities" in changed:
        shown = json.dumps(provider.capabilities, sort_keys=True, default=str)
        line = f"field capabilities: {shown} at {provider.name}"
        yield Confirmation(line, "--accept-field", "capabilities")
