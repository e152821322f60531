"""The provider's own account of what it charged, kept apart from whoever is being tested.

A call is entered when it arrives and charged before anything is answered, so the bill is right
even while calls hang, and after the client was killed.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.provider.shapes.drawing import Drawn


@dataclass(frozen=True)
class Charge:
    """What one call costs, in tokens; input includes cached, output includes reasoning."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0


@dataclass(frozen=True)
class BilledCall:
    """One call.

    `input_tokens` includes the cached ones. `ended` is None while it runs, `delivered` when the
    whole of a readable answer was handed to a client that was still there, and is None otherwise.
    `prompt` is the `prompt_key` of what was asked; `shape` and `complies` were drawn for it. `came`
    is when it arrived, by a clock that is never set: by it calls are compared. `batch` is the id of
    the batch whose line it is, `custom_id` that line's.
    """

    n: int
    path: str
    model: str
    started: float
    came: float = 0.0
    ended: float | None = None
    delivered: float | None = None
    prompt: str = ""
    shape: str = ""
    complies: bool | None = None
    fault: str | None = None
    billed: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    batch: str = ""
    custom_id: str = ""


@dataclass(frozen=True)
class Bill:
    """All calls in order of arrival, and how many ran at once at most."""

    calls: tuple[BilledCall, ...] = ()
    max_concurrent: int = 0

    @property
    def billed(self) -> tuple[BilledCall, ...]:
        """The calls that cost something."""
        return tuple(call for call in self.calls if call.billed)

    @property
    def delivered(self) -> tuple[BilledCall, ...]:
        """The calls whose readable answer is with the client."""
        return tuple(call for call in self.calls if call.delivered is not None)

    @property
    def input_tokens(self) -> int:
        """All input tokens charged."""
        return sum(call.input_tokens for call in self.billed)

    @property
    def output_tokens(self) -> int:
        """All output tokens charged."""
        return sum(call.output_tokens for call in self.billed)

    def cost(self, prices: Mapping[str, tuple[str, str]], batch_factor: str = "0.5") -> Decimal:
        """Return what all of it costs, in USD; a batch's lines cost a share of a call's price.

        Args:
            prices: model -> USD per million tokens of input, whether cached or not, and of output.
            batch_factor: that share.
        """
        total = Decimal(0)
        for call in self.billed:
            entry, output = map(Decimal, prices[call.model])
            cost = call.input_tokens * entry + call.output_tokens * output
            total += cost * (Decimal(batch_factor) if call.batch else 1)
        return total / 1_000_000


class Till:
    """Where the provider's process enters calls while they happen."""

    def __init__(self) -> None:
        self._calls: dict[int, BilledCall] = {}
        self._running = 0
        self._max_concurrent = 0

    @property
    def arrived(self) -> int:
        """How many calls there were so far."""
        return len(self._calls)

    def enter(self, path: str, model: str) -> int:
        """Note a call's arrival and give its number, from 1."""
        n = len(self._calls) + 1
        self._calls[n] = BilledCall(n, path, model, started=time.time(), came=time.monotonic())
        self._running += 1
        self._max_concurrent = max(self._max_concurrent, self._running)
        return n

    def ask(self, n: int, prompt: str) -> None:
        """Note what a call asks for."""
        self._calls[n] = dataclasses.replace(self._calls[n], prompt=prompt)

    def note_drawn(self, n: int, drawn: Drawn) -> None:
        """Note what the answer to a call is."""
        shape, complies = drawn.shape, drawn.complies
        self._calls[n] = dataclasses.replace(self._calls[n], shape=shape, complies=complies)

    def blame(self, n: int, fault: str) -> None:
        """Note what goes wrong with a call."""
        self._calls[n] = dataclasses.replace(self._calls[n], fault=fault)

    def charge(self, n: int, charge: Charge) -> None:
        """Bill a call."""
        self._calls[n] = dataclasses.replace(
            self._calls[n],
            billed=True,
            input_tokens=charge.input_tokens,
            output_tokens=charge.output_tokens,
            cache_read_tokens=charge.cache_read_tokens,
            cache_write_tokens=charge.cache_write_tokens,
            cache_write_1h_tokens=charge.cache_write_1h_tokens,
        )

    def deliver(self, n: int) -> None:
        """Note that a call's answer is with the client."""
        self._calls[n] = dataclasses.replace(self._calls[n], delivered=time.time())

    def enter_line(self, line: BilledCall, charge: Charge | None, **known: Any) -> None:
        """Note a batch's line, done at once, and what is known of it; no charge is free."""
        if charge is not None:
            known |= {
                "input_tokens": charge.input_tokens,
                "output_tokens": charge.output_tokens,
                "cache_read_tokens": charge.cache_read_tokens,
                "cache_write_tokens": charge.cache_write_tokens,
            }
        now = time.time()
        self._calls[line.n] = dataclasses.replace(
            line, started=now, came=time.monotonic(), ended=now, billed=charge is not None, **known
        )

    def leave(self, n: int) -> None:
        """Note that a call is over, answered or not."""
        self._running -= 1
        self._calls[n] = dataclasses.replace(self._calls[n], ended=time.time())

    def bill(self) -> Bill:
        """Return the account as it stands."""
        return Bill(tuple(self._calls.values()), self._max_concurrent)
