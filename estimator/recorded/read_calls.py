"""ReadCall: a recorded call that was read, with its partner in the second run, and its stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from estimator.recorded.pairing import pair_calls
from estimator.recorded.recorded_call import RecordedCall, Recording
from estimator.recorded.stages import (
    PLACEHOLDER,
    Stage,
    StagedPrompt,
    compare_texts,
    find_stages,
    split_prompt,
)
from providers.clients import ClientCall
from providers.errors import CannotPrice


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A call of a recording.

    Attributes:
        recorded: as it was recorded.
        call: as it was read.
        longer: its partner where the answers were longer; None without one.
        stage: that it is of.
    """

    recorded: RecordedCall
    call: ClientCall
    longer: tuple[RecordedCall, ClientCall] | None
    stage: Stage

    @property
    def model(self) -> str:
        """The model that it asks, as `provider/model`."""
        return f"{self.recorded.provider}/{self.recorded.model}"

    @property
    def reads(self) -> bool:
        """Whether earlier answers are in its prompt, as far as is known."""
        other = self.longer and self.longer[1]
        if other and (self.call.messages, self.call.beside) != (other.messages, other.beside):
            return True
        texts = (*(each.content for each in self.call.messages), *self.call.beside)
        return not self.recorded.is_measured and any(PLACEHOLDER in text for text in texts)


def read_calls(recording: Recording) -> tuple[list[ReadCall], list[Stage], list[str]]:
    """Read the calls of a recording, pair those of its two runs, and find their stages.

    Returns:
        the calls, their stages, and what is wrong with the recording.
    """
    refused = Counter[str]()
    first, second = (_read_all(calls, refused) for calls in (recording.calls, recording.longer))
    partners = pair_calls(first, second)
    pairs = [(each, None if at is None else second[at])
             for each, at in zip(first, partners, strict=True)]  # fmt: skip
    stages, of_each = find_stages([_stage(each, other) for each, other in pairs])
    calls = [
        ReadCall(recorded, call, other, stage)
        for ((recorded, call), other), stage in zip(pairs, of_each, strict=True)
    ]
    return calls, stages, [*recording.problems, *_list_problems(recording, refused, partners)]


def _read_all(
    calls: Iterable[RecordedCall], refused: Counter[str]
) -> list[tuple[RecordedCall, ClientCall]]:
    found = []
    for each in calls:
        try:
            found.append((each, each.read()))
        except CannotPrice as problem:
            refused[str(problem)] += 1
    return found


def _stage(
    each: tuple[RecordedCall, ClientCall], other: tuple[RecordedCall, ClientCall] | None
) -> StagedPrompt:
    parts = split_prompt(each[1])
    longer = split_prompt(other[1]) if other else None
    return StagedPrompt(
        each[0].label,
        parts,
        compare_texts(parts.system, longer and longer.system),
        compare_texts(parts.last, longer and longer.last),
    )


def _list_problems(
    recording: Recording, refused: Counter[str], partners: list[int | None]
) -> Iterable[str]:
    """Yield what the calls themselves show to be missing."""
    for reason, count in refused.most_common():
        yield f"not priced, {_say_count(count)}: {reason}"
    if not recording.longer:
        return
    alone = sum(partner is None for partner in partners)
    if alone:
        yield (
            f"{_say_count(alone)} of the first run had none like it in the second, whose answers "
            "were longer: where it reads answers, its input is as it was"
        )
    more = len(recording.longer) - (len(partners) - alone)
    if more > 0:
        yield f"{_say_count(more)} came in the second run alone, and is not counted"


def _say_count(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
