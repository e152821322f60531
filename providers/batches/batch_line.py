"""Lines of a batch: one request each, and how one may end without having been done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from experiment.prompts import Request


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One request of a batch.

    Attributes:
        custom_id: see `name_line`; it comes back with the line's result.
        request: what is sent, written as the body of a call is.
    """

    custom_id: str
    request: Request


class LineEnd(StrEnum):
    """How a line ended that the provider did not do; neither is billed."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
