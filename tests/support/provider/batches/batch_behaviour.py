"""How the provider's batches behave: plain values, a part of `Behaviour`.

    Behaviour(batches=BatchBehaviour(working=3, faults=(BatchFault("create_lost", calls=(1,)),)))

Progress is counted in polls of a batch, not in time. Lines are calls as any other: faults of
`Behaviour.faults` strike them by their numbers (`answering` says what becomes of each kind).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

UploadFault = Literal[
    "upload_429",  # refused
    "upload_500",  # an error, nothing is stored
    "upload_cut",  # the connection closes, nothing is stored
    "upload_lost",  # stored; then the connection closes
    "upload_stall",  # stored, and never answered
]
CreateFault = Literal[
    "create_402",  # refused
    "create_429",  # refused, with Retry-After
    "create_500",  # an error, nothing is created
    "create_cut",  # the connection closes, nothing is created
    "create_lost",  # created; then the connection closes
    "create_lost_500",  # created; then an error
    "create_malformed",  # created; the answer's JSON breaks off
    "create_stall",  # created, and never answered
]
CourseFault = Literal[
    "invalid",  # refused as a whole when validated; Anthropic's form: every line is
    "token_limit",  # the same for too many tokens; Anthropic's and Google's form: 429 at create
    "expired",  # a share of the lines is not done in time
    "cancelled",  # a share of the lines is not done, for somebody cancelled it
    "all_failed",  # every line fails, which is not billed
    "some_failed",  # a share of them does
    "goes_back",  # it says once more that it is validated, and that it works after it had ended
    "listed_late",  # lists leave it out `times` times
]
PollFault = Literal[
    "poll_404",
    "poll_429",
    "poll_500",
    "poll_cut",  # the connection closes
]
ResultsFault = Literal[
    "results_404",
    "results_500",
    "results_cut",  # the connection closes after half of them
    "results_short",  # half of them, as if they were all
    "results_stall",  # silence after half of them
    "duplicated",  # a share of the lines comes twice
    "unsorted",
    "missing",  # a share of the lines, billed, is left out
    "unknown_ids",  # as many lines as that share of other custom ids come beside
    "not_json",  # a share of the lines breaks off
]
BatchFaultKind = Literal[UploadFault, CreateFault, CourseFault, PollFault, ResultsFault]


@dataclass(frozen=True)
class BatchFault:
    """One way to misbehave, and when.

    Attributes:
        kind: what goes wrong.
        calls: which uploads, which creates, or for all other kinds which of the batches it strikes,
            counted from 1: of those that came to be, and those refused for too many tokens.
        probability: the chance that it strikes any other one.
        model: strike only batches of this model; empty strikes all, and only empty strikes uploads.
        times: of polls, of fetches and of lists, how many in a row it strikes; 0 strikes them all.
        share: of a batch's lines, how many it concerns, at least one.
        retry_after: seconds, told with a 429.
    """

    kind: BatchFaultKind
    calls: tuple[int, ...] = ()
    probability: float = 0.0
    model: str = ""
    times: int = 1
    share: float = 0.5
    retry_after: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a misspelt kind: a fault that never strikes would let a test pass."""
        if self.kind not in get_args(BatchFaultKind):
            kinds = ", ".join(get_args(BatchFaultKind))
            raise ValueError(f"no fault of batches {self.kind!r}; there are {kinds}")

    def count(self, lines: int) -> int:
        """Return how many of a batch's lines it concerns."""
        return min(lines, max(1, round(self.share * lines)))


@dataclass(frozen=True)
class BatchBehaviour:
    """All that batches do.

    Attributes:
        validating, working, finalizing: how many polls are answered so, in this order; the next
            one says that it has ended. Lines are done, and billed, evenly over those that work.
        enqueued_tokens: how many input tokens of one model's batches may wait at once; None has no
            such limit.
        faults: all that strike a batch happen, of an upload and a create the first.
    """

    validating: int = 1
    working: int = 1
    finalizing: int = 0
    enqueued_tokens: int | None = None
    faults: tuple[BatchFault, ...] = ()

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` and JSON made of it."""
        faults = [dict(each) | {"calls": tuple(each.get("calls", ()))} for each in fields["faults"]]
        return cls(**{**fields, "faults": tuple(BatchFault(**each) for each in faults)})

    def strike(
        self, kinds: tuple[str, ...], number: int, seed: int, model: str = ""
    ) -> dict[str, BatchFault]:
        """Return the faults of these kinds that strike the call or the batch of this number."""
        struck: dict[str, BatchFault] = {}
        for fault in self.faults:
            chance = random.Random(f"{seed} {fault.kind} {number}").random() < fault.probability
            concerns = fault.kind in kinds and fault.model in ("", model)
            if concerns and (chance or number in fault.calls):
                struck.setdefault(fault.kind, fault)
        return struck


UPLOADS: tuple[str, ...] = get_args(UploadFault)
CREATES: tuple[str, ...] = get_args(CreateFault)
COURSES: tuple[str, ...] = (*get_args(CourseFault), *get_args(PollFault), *get_args(ResultsFault))
