"""RecordedCall: one call of a program, word for word, and all calls of a rehearsal or a log."""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.clients import ClientApi, ClientCall, read_call


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call of a program. Its repr has no text of it, so that no log has one.

    Attributes:
        provider: by its name in the registry, such as `openai`.
        api: that its body is written for.
        model: as the program writes it.
        label: of its header `x-afcost-label`; empty without one.
        body: as it came. Google's has neither its model nor whether it is streamed: its path does.
        streamed: the answer was wanted as it is written.
        answer_tokens: output tokens of the answer that it was given, as they would be billed; of
            a log, as they were.
        is_measured: whether a provider billed them, so that they are no placeholder's.
    """

    provider: str
    api: ClientApi
    model: str
    label: str
    body: bytes = field(repr=False)
    streamed: bool
    answer_tokens: int
    is_measured: bool

    def read(self) -> ClientCall:
        """Read the body.

        Raises:
            CannotPrice: it cannot be read, or something in it cannot be bounded.
        """
        return read_call(self.api, self.body, model=self.model, streamed=self.streamed)


@dataclass(frozen=True, slots=True)
class Recording:
    """All calls of a program, of a rehearsal or of a log.

    Attributes:
        command: that was run; of a log, empty.
        calls: of the first run, in the order in which they came.
        longer: those of the second run, whose placeholders were longer; empty where there was none.
        problems: why some calls may be missing: the program failed, a call was refused, it ran past
            its time.
    """

    command: tuple[str, ...]
    calls: tuple[RecordedCall, ...] = field(repr=False)
    longer: tuple[RecordedCall, ...] = field(repr=False)
    problems: tuple[str, ...]
