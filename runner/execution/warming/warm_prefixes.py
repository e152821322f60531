"""Warm prefixes: which shared beginnings of prompts a provider has in its cache now.

A prefix can be read only after the first answer to a request with it has begun. Requests that are
sent side by side before that each pay for writing it: of 138 sent at once all did, and of 25 sent
after one of them was answered none did. So while a prefix is cold one request leads, and the others
wait, before they reserve anything; where it is not answered, the next one leads. Answers to this
process count alone: each worker of a shared ledger writes a prefix once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Self

from experiment.prompts import CacheTime, Request
from runner.transport import Answered, Outcome

# Seconds after a request for which its prefix is kept: Anthropic's two times, and the least of
# OpenAI, which keeps it for 5 to 10 minutes. Each use begins them again.
_KEPT: dict[CacheTime | None, float] = {"5m": 300.0, "1h": 3600.0, None: 300.0}


@dataclass(eq=False, slots=True)
class _Prefix:
    """What is known of one prefix.

    Attributes:
        warm_until: a moment until which its provider has it.
        is_led: whether a request is under way that makes it warm.
        waiting: requests that are told when one of these changes.
    """

    warm_until: float = 0.0
    is_led: bool = False
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def tell(self) -> None:
        """Let all that wait look again."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)


class WarmPrefixes:
    """The prefixes of all models.

    Args:
        clock: returns the seconds by which they are kept.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._prefixes: dict[tuple[str, str], _Prefix] = {}
        self._is_released = False

    def use(self, request: Request) -> PrefixUse:
        """Return a context that begins when a request may go on; with no mark, it is at once."""
        if request.mark is None:
            return PrefixUse(None, 0.0, self)
        prefix = self._prefixes.setdefault((request.model, request.mark.key), _Prefix())
        return PrefixUse(prefix, _KEPT[request.mark.keep], self)

    def release_all(self) -> None:
        """Let no request wait any more, because nothing more will be sent."""
        self._is_released = True
        for prefix in self._prefixes.values():
            prefix.tell()

    def must_wait(self, prefix: _Prefix) -> bool:
        """Return whether a request must wait for another one that leads."""
        return prefix.is_led and self.is_cold(prefix) and not self._is_released

    def is_cold(self, prefix: _Prefix) -> bool:
        """Return whether a prefix must be written again."""
        return self._clock() >= prefix.warm_until


class PrefixUse(AbstractAsyncContextManager["PrefixUse"]):
    """A request's use of its prefix.

    Args:
        prefix: that it has; None where it has none.
        kept: seconds for which a use keeps it warm.
        prefixes: of all models.
    """

    __slots__ = ("_kept", "_leads", "_prefix", "_prefixes")

    def __init__(self, prefix: _Prefix | None, kept: float, prefixes: WarmPrefixes) -> None:
        self._prefix, self._kept, self._prefixes = prefix, kept, prefixes
        self._leads = False

    async def __aenter__(self) -> Self:
        prefix = self._prefix
        if prefix is None:
            return self
        while self._prefixes.must_wait(prefix):
            told = asyncio.get_running_loop().create_future()
            prefix.waiting.append(told)
            await told
        self._leads = not prefix.is_led and self._prefixes.is_cold(prefix)
        prefix.is_led = prefix.is_led or self._leads
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._leads and self._prefix is not None:
            self._prefix.is_led = False
            self._prefix.tell()

    def record(self, outcome: Outcome, sent_at: float) -> None:
        """Record what came of the request: an answer keeps its prefix from when it was sent."""
        is_answered = isinstance(outcome, Answered) and outcome.failure is None
        if self._prefix is not None and is_answered:
            self._prefix.warm_until = max(self._prefix.warm_until, sent_at + self._kept)
