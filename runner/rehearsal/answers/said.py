"""Said: an answer, before it has the form of an API."""

from __future__ import annotations

from dataclasses import dataclass

from runner.rehearsal.placeholders import Placeholder, ToolUse


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to a call.

    Attributes:
        number: of the call, from 1.
        model: as the program writes it.
        answers: one for each choice that it asked for.
        prompt_tokens: of the call, as counted here.
        top_logprobs: likeliest tokens that are told for each token of a chat; None for no
            log-probabilities at all.
    """

    number: int
    model: str
    answers: tuple[Placeholder, ...]
    prompt_tokens: int
    top_logprobs: int | None = None

    @property
    def answer_tokens(self) -> int:
        """Tokens of all answers, as they would be billed."""
        return sum(each.tokens for each in self.answers)

    @property
    def first(self) -> Placeholder:
        """The answer, where an API gives one."""
        return self.answers[0]

    def name_use(self, use: ToolUse, index: int = 0) -> str:
        """Return an id of a tool's call."""
        return f"call_{use.name[:30]}_{self.number}_{index}"
