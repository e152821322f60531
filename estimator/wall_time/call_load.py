"""Call load: the calls that a stage asks of a model, with their tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from estimator.wall_time.speed import find_token_rule
from experiment.definition import SUBJECT

_CV_SQUARED = 1.2  # of the lengths of answers, as in the forecast's priors


@dataclass(frozen=True, slots=True)
class TokenTotal:
    """The tokens of all outputs together: likely, with the ends of their 90 % range."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> TokenTotal:
        """Return so many times as much."""
        return TokenTotal(self.low * factor, self.likely * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class CallLoad:
    """The calls that a stage asks of a model.

    Attributes:
        stage: `subject`, or the judge's name.
        model: its name with its provider.
        provider: of it.
        requests: how many are expected.
        input_tokens: of all of their prompts.
        output: of all of their answers.
        most_output: what `max_tokens` lets these have, for limits that count it.
        measured: the share of the outputs whose range says how much single answers vary, too.
        in_batches: whether they are sent in batches.
        order: how many stages must have ended before: 0 for subjects, more for their judges.
    """

    stage: str
    model: str
    provider: str
    requests: float
    input_tokens: float
    output: TokenTotal
    most_output: float
    measured: float = 0.0
    in_batches: bool = False
    order: int = 0

    def is_batch_of(self, provider: str) -> bool:
        """Return whether they are sent in batches to a provider."""
        return self.in_batches and self.provider == provider

    @property
    def is_subject(self) -> bool:
        """Whether a model under study is asked."""
        return self.stage == SUBJECT

    @property
    def cv_squared(self) -> float:
        """The squared coefficient of variation of its answers' lengths; verdicts vary little."""
        return _CV_SQUARED if self.is_subject else 0.1

    def times(self, factor: float) -> CallLoad:
        """Return so many times as many calls."""
        return replace(
            self,
            requests=self.requests * factor,
            input_tokens=self.input_tokens * factor,
            output=self.output.times(factor),
            most_output=self.most_output * factor,
        )

    def count_against(self, limit: str, output: float) -> float:
        """Return how much of a limit they use.

        Args:
            limit: `requests` or `tokens`.
            output: tokens of all of their answers.
        """
        if limit == "requests":
            return self.requests
        rule = find_token_rule(self.provider)
        if rule == "larger":
            return max(self.input_tokens, self.most_output)
        return self.input_tokens + (self.most_output if rule == "all" else output)
