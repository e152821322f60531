"""Ids of before: requests that an earlier version named otherwise, found again in its ledger.

It named a request by where it stood in its plan (condition, query, sample) with what it sent. The
plans that a run folder keeps are therefore built once more: they say what each such id was for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from experiment.prompts import RequestBuilder


def find_ids_of_before(
    known: Collection[str],
    kept: Mapping[str, str],
    plans: Iterable[RequestBuilder],
) -> dict[str, str]:
    """Return the ids of this version -> those that a ledger has for the same requests.

    Args:
        known: the ids in the ledger that an earlier version made.
        kept: what was found before.
        plans: build the requests of the plans to look at, those of before first; the next one is
            asked for only while an id is not found.
    """
    if not known:
        return {}
    found = dict(kept)
    waiting = set(known) - set(found.values())
    builders = iter(plans)
    while waiting and (requests := next(builders, None)) is not None:
        for id_, before in requests.find_ids_of_before(waiting).items():
            if id_ not in found and before in waiting:
                found[id_] = before
                waiting.discard(before)
    return found
