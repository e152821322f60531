"""One batch at the provider: its lines, how far it has come, and what its polls are told.

A batch comes on by being polled; each poll is a step of a schedule that its faults have shaped.
Nothing here knows an API's form.
"""

import dataclasses
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from tests.support.provider.batches.batch_behaviour import BatchBehaviour, BatchFault

Json = dict[str, Any]
How = Literal["succeeded", "errored", "expired", "cancelled"]


class Stage(StrEnum):
    """How far a batch has come."""

    VALIDATING = "validating"
    WORKING = "working"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    ENDED = "ended"


class End(StrEnum):
    """What became of a batch."""

    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Line:
    """One request: the path of the call that it stands for, and that call's body.

    `named` is how its result is named, where that is not a custom id (Google's form).
    """

    custom_id: str
    path: str
    body: Json
    named: Json | None = None


@dataclass(frozen=True)
class Problem:
    """Why a batch is refused as a whole; `line` counts from 1, None where it is not of a line."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True)
class Done:
    """A line's result.

    Attributes:
        line: the request.
        how: what became of it.
        status: the HTTP status that a call would have had.
        body: that call's answer, or its error.
        call: its number in the till; None where it was not done.
        is_readable: whether a client can learn from it what it cost.
        breaks_off: its JSON does.
    """

    line: Line
    how: How
    status: int = 200
    body: Json = field(default_factory=dict)
    call: int | None = None
    is_readable: bool = True
    breaks_off: bool = False


@dataclass(frozen=True)
class Draft:
    """A batch as it is asked for.

    Attributes:
        model: of all lines.
        endpoint: where its lines go, in the form's own words.
        lines: the requests.
        sent: what the create held beside them: metadata, names, ids of files.
        problem: why it will be refused when it is validated.
    """

    model: str
    endpoint: str
    lines: tuple[Line, ...]
    sent: Json
    problem: Problem | None = None


@dataclass
class Job:
    """A batch that came to be.

    Attributes:
        id: by which it is polled; `number` counts batches from 1.
        form: the name of the API's form that it belongs to.
        draft: what was asked for.
        tokens: of its input.
        faults: what strikes it, by kind.
        created: when it came to be, in seconds since 1970.
        polls: how many there were; a poll that failed does not count.
        struck: how often each fault of polls, lists and fetches has struck.
        done: results, in the order of the lines.
        files: name -> id of a file with results, where the form has files.
    """

    id: str
    number: int
    form: str
    draft: Draft
    tokens: int
    faults: dict[str, BatchFault]
    created: float = field(default_factory=time.time)
    polls: int = 0
    schedule: list[Stage] = field(default_factory=list)
    end: End = End.COMPLETED
    struck: dict[str, int] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def stage(self) -> Stage:
        """Return what the last poll was told; before the first one it is validated."""
        return self.schedule[min(max(self.polls, 1), len(self.schedule)) - 1]

    @property
    def has_ended(self) -> bool:
        """Whether the last poll was told so, with all that belongs to an end."""
        return self.polls > 0 and self.stage == Stage.ENDED

    @property
    def limit(self) -> int:
        """How many of its lines it will do."""
        lines = len(self.draft.lines)
        if self.end == End.FAILED:
            return 0
        if self.cancelled:
            return len(self.done)
        undone = [self.faults[kind].count(lines) for kind in _ENDS if kind in self.faults]
        return lines - max(undone, default=0)

    @property
    def due(self) -> int:
        """How many of its lines are to be done by now."""
        if Stage.ENDED in self.schedule[: self.polls]:
            return self.limit
        steps = self.schedule.count(Stage.WORKING)
        seen = self.schedule[: self.polls].count(Stage.WORKING)
        return self.limit * seen // steps if steps else 0

    def plan(self, behaviour: BatchBehaviour, problem: Problem | None) -> None:
        """Lay out what its polls are told, and its end."""
        validating = [Stage.VALIDATING] * behaviour.validating
        working = [Stage.WORKING] * behaviour.working
        self.schedule = [*validating, *working, *[Stage.FINALIZING] * behaviour.finalizing]
        self.end = next((end for kind, end in _ENDS.items() if kind in self.faults), self.end)
        if problem is not None:
            self.draft = dataclasses.replace(self.draft, problem=problem)
            self.schedule, self.end = validating, End.FAILED
        elif "goes_back" in self.faults:
            self.schedule += [Stage.VALIDATING, *working, Stage.ENDED, Stage.WORKING]
        self.schedule.append(Stage.ENDED)

    def cancel(self) -> None:
        """Stop here: what is done stays, and the next poll but one is told."""
        if not self.cancelled and Stage.ENDED not in self.schedule[: self.polls]:
            self.cancelled, self.end = True, End.CANCELLED
            self.schedule = [*self.schedule[: self.polls], Stage.CANCELLING, Stage.ENDED]

    def strikes(self, kind: str) -> bool:
        """Say whether a fault of polls, lists or fetches strikes now, and count it."""
        fault = self.faults.get(kind)
        if fault is None or (fault.times and self.struck.get(kind, 0) >= fault.times):
            return False
        self.struck[kind] = self.struck.get(kind, 0) + 1
        return True


_ENDS = {"expired": End.EXPIRED, "cancelled": End.CANCELLED}
