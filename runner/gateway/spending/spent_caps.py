"""Caps that are spent before a start: one below what was spent already would pay for nothing.

It is most likely a slip, such as the amount of one start where that of all starts is meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing.money import Money
from runner.errors import NotApproved
from runner.gateway.spending.part_caps import PartCap, PartCaps
from runner.ledger import Ledger


def refuse_spent_caps(
    ledger: Ledger, cap: Money, caps: Sequence[PartCap], place: str, raise_cap: str
) -> None:
    """Refuse caps that are below what a ledger counts as spent, or held, or reserved.

    Args:
        ledger: open for writing, with its work begun.
        cap: of the whole program.
        caps: on parts of its calls.
        place: of the ledger, for its reader.
        raise_cap: what raises the cap of the whole program, in words.

    Raises:
        NotApproved: names the cap, what is spent, and what to do.
    """
    if cap < (spent := ledger.balance.spent):
        raise NotApproved(_describe(f"the cap, {cap},", f"{spent}", place, raise_cap))
    if caps:
        with ledger.transaction():
            PartCaps(ledger, caps).look()
    for each in caps:
        if each.most < each.spent:
            most, used = each.show(each.most), each.show(each.spent)
            mend = f"run it again with a higher {each.option}"
            raise NotApproved(_describe(f"{each.option}, {most},", used, place, mend))


def _describe(cap: str, spent: str, place: str, mend: str) -> str:
    return (
        f"{cap} is below what is spent already: {place} counts {spent}, over all starts, and a cap "
        f"is for all of them. {mend[:1].upper()}{mend[1:]}, or another --run-dir for a new budget"
    )
