"""Seen limits: what answers of a model at an address said of its account's rate limits.

An estimate's time rests on them where the user says nothing. A file for each in the folder `limits`
of the state directory, named by a digest of the address and the model's id there: the newest run's.
The key is no part of it: another account there may have other limits, so the day is always shown.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from datetime import date
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.user_dirs import SEEN_LIMITS, state_folder
from estimator.wall_time import AccountLimits, SeenLimits


def find_seen_limits(address: str, model_id: str) -> SeenLimits | None:
    """Return the limits that were seen last; None where none were, or they cannot be read.

    Args:
        address: the provider's base URL.
        model_id: what the provider calls the model.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = read_json_file(_path(address, model_id))
        limits = AccountLimits(_read_limit(kept["requests"]), _read_limit(kept["tokens"]))
        return SeenLimits(limits, date.fromisoformat(kept["seen"])) if limits.is_known else None
    return None


def keep_seen_limits(address: str, model_id: str, seen: SeenLimits) -> None:
    """Keep the limits that an answer stated; not where nothing can be written."""
    kept = {
        "model": model_id,
        "requests": seen.limits.requests,
        "tokens": seen.limits.tokens,
        "seen": seen.day.isoformat(),
    }
    with suppress(OSError):
        write_atomically(_path(address, model_id), json.dumps(kept) + "\n")


def _path(address: str, model_id: str) -> Path:
    identity = json.dumps([address.rstrip("/"), model_id])
    digest = hashlib.sha256(identity.encode()).hexdigest()[:32]
    return state_folder() / SEEN_LIMITS / f"{digest}.json"


def _read_limit(kept: object) -> float | None:
    """Return a limit; None where none was stated.

    Raises:
        ValueError: it is none.
    """
    if kept is None:
        return None
    if not isinstance(kept, int | float) or not math.isfinite(kept) or kept <= 0:
        raise ValueError(f"{kept!r} is no limit")
    return float(kept)
