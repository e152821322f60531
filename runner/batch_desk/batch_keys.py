"""Batch keys: a key goes where the approval of the plan that was run last lets it go.

It may have ended: nothing is spent here. A folder that somebody sent has no such approval, so the
address in it gets no key of the user's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from providers.provider import Provider
from runner.approval import approval_path, confirm_keys, read_approval_file, refuse_unconfirmed
from runner.errors import NotApproved


def refuse_unconfirmed_keys(providers: Iterable[Provider], plan_file: str) -> None:
    """Refuse to ask providers whose key an approval has not confirmed.

    Args:
        providers: that are to be asked.
        plan_file: of the plan that was run last, as this machine remembers it; empty where not.

    Raises:
        NotApproved: one is not confirmed.
    """
    needed = [each for provider in providers for each in confirm_keys(provider)]
    if needed:
        path = Path(plan_file or "PLAN")
        refuse_unconfirmed(needed, _read_confirmed(path) if plan_file else (), path)


def _read_confirmed(plan_path: Path) -> tuple[str, ...]:
    try:
        document = read_approval_file(approval_path(plan_path))
    except NotApproved:
        return ()
    return document.approval.confirmed if document.place == str(plan_path) else ()
