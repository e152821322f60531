"""The render budget: how much work and text one rendering may take.

Work is counted in steps (a turn of a loop, a call, a value that is looked at), so that what is
refused here is refused on any machine. The clock is the last resort, for steps that are slow.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import TemplateRuntimeError

MAX_TEXT = 4 << 20  # characters of one rendered text
_MAX_STEPS = 1_000_000  # of one rendering: a second, or less
_MAX_CHARACTERS = 24 << 20  # made by one rendering, also on the way: about 100 MB at most
_MAX_SECONDS = 5.0  # of one rendering
_CHARACTERS_PER_STEP = 64  # of a text that is only copied
_STEPS_PER_LIST = 2  # besides one for itself and those for what is in it
_STEPS_BETWEEN_CLOCKS = 256
# Of an experiment that is counted: so many at once, and so many more with each rendering.
_TOTAL_STEPS, _STEPS_PER_RENDERING = 5_000_000, 20_000


class RenderLimit(TemplateRuntimeError):
    """A template takes more work, text or time than one may."""


class RenderBudget:
    """What is left of the work of one rendering, and of all.

    Args:
        in_total: whether the work of all renderings together is limited too.
    """

    def __init__(self, *, in_total: bool = False) -> None:
        self._steps, self._characters = _MAX_STEPS, _MAX_CHARACTERS
        self._deadline = time.monotonic() + _MAX_SECONDS
        self._saved = _TOTAL_STEPS if in_total else None
        self._is_heavy, self._free = False, 0

    @property
    def is_heavy(self) -> bool:
        """Whether a rendering took more steps than each saves up.

        Where none did, all of them may be made, in any order, and in any number of processes.
        """
        return self._is_heavy or _MAX_STEPS - self._steps > _STEPS_PER_RENDERING

    def count_free(self, renderings: int) -> None:
        """Count renderings that take no steps."""
        self._free += renderings

    def begin(self) -> None:
        """Begin another rendering."""
        if self._saved is not None:
            spent = _MAX_STEPS - self._steps
            self._is_heavy = self._is_heavy or spent > _STEPS_PER_RENDERING
            gained = (1 + self._free) * _STEPS_PER_RENDERING
            self._saved, self._free = min(self._saved - spent + gained, _TOTAL_STEPS), 0
            if self._saved < 0:
                raise RenderLimit(
                    "the templates of this experiment take too much work; loop over less"
                )
        self._steps, self._characters = _MAX_STEPS, _MAX_CHARACTERS
        self._deadline = time.monotonic() + _MAX_SECONDS

    def spend(self, steps: int) -> None:
        """Spend some steps before they are taken.

        Raises:
            RenderLimit: there are not as many left.
        """
        self._steps -= steps
        if self._steps < 0:
            self._steps = 0
            raise RenderLimit(f"the template takes more than {_MAX_STEPS:,} steps; loop over less")
        if time.monotonic() > self._deadline:
            raise RenderLimit(f"the template takes more than {_MAX_SECONDS:.0f} seconds")

    def spend_text(self, characters: int) -> None:
        """Spend characters before they are made."""
        self._characters -= characters
        if self._characters < 0:
            self._characters = 0
            raise RenderLimit(
                f"the template makes more than {_MAX_CHARACTERS:,} characters of text"
            )
        if characters > _CHARACTERS_PER_STEP:
            self.spend(characters // _CHARACTERS_PER_STEP)

    def spend_value(self, value: object, times: int = 1, *, share: int = 1) -> int:
        """Spend what it takes to walk through a value, or to print it, and return its characters.

        A list that contains the same list twice counts it twice, as printing it does.
        """
        values, characters = self._measure(value)
        if values > 1:
            self.spend(values * times // share)
        self.spend_text(characters * times)
        return characters

    def count(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield values, each for a step."""
        if hasattr(values, "__len__"):
            self.spend(1)
        for number, value in enumerate(values):
            self._steps -= 1
            if self._steps < 0 or number % _STEPS_BETWEEN_CLOCKS == 0:
                self.spend(0)
            yield value

    def _measure(self, value: object) -> tuple[int, int]:
        if isinstance(value, str | bytes):
            return 1, len(value)
        values, characters, limit, waiting = 0, 0, self._steps, [iter((value,))]
        while waiting:
            for each in waiting[-1]:
                values += 1
                if values > limit:
                    self.spend(self._steps + 1)
                if isinstance(each, str | bytes):
                    characters += len(each) + 4
                elif isinstance(each, Mapping):
                    values += _STEPS_PER_LIST
                    waiting.append(itertools.chain.from_iterable(each.items()))
                    break
                elif isinstance(each, list | tuple | set | frozenset):
                    values += _STEPS_PER_LIST
                    waiting.append(iter(each))
                    break
                elif isinstance(each, int):
                    characters += 2 + each.bit_length() // 3
                else:
                    characters += 30
            else:
                waiting.pop()
        return values, characters
