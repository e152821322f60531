"""The breakers of all models, and the models that are asked nothing more in this execution.

A model that is overloaded, limits the rate or cannot be reached is so for all of its stages. A
server's error, a timeout or a refusal for good may be due to what a stage sends.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import Enum, auto

from estimator.workload import PlannedModel
from experiment.definition import SUBJECT
from experiment.prompts import Request
from providers.failures import Failure, FailureMeaning, FailureScope, describe_mend
from providers.rate_limits import MAX_WAIT
from runner.execution.breaker import Breaker, Permit
from runner.execution.retry import OF_THE_MODEL, RetryPolicy, find_failure
from runner.transport import Outcome, Unknown

_OF_THE_STAGE = frozenset({FailureMeaning.INVALID_PARAM})  # of those that end it for good


class Readiness(Enum):
    """Whether a model takes subject requests."""

    UP = auto()
    DOWN = auto()  # until a time, or while a probe is in flight
    DUE = auto()  # one probe may be sent
    STOPPED = auto()  # for this execution


@dataclass(frozen=True, slots=True)
class ModelWait:
    """A model, or a stage of it, that is asked nothing now.

    Attributes:
        model: as the experiment writes it.
        stage: empty for all of them.
        seconds: until it may be asked again; None where it is not in this execution, infinity while
            one request asks whether it is up again.
        why: in words; empty where a provider only asked to wait.
    """

    model: str
    stage: str
    seconds: float | None
    why: str


class Breakers:
    """The breakers of all models and stages.

    Args:
        models: written name -> model.
        policy: has the waits.
        concurrency: requests in flight, at most.
        has_answers: whether earlier executions left any.
        on_stop: is called with a model and a stage (empty: all) that is asked nothing more.
        on_recovery: is called with a model that answers again after money was held.
        clock: seconds, never going back.

    Attributes:
        stopped: (model, stage or empty) -> why nothing more is asked of it.
        news: set, and replaced, whenever a request may be sent that could not be before.
    """

    def __init__(  # noqa: PLR0913 - what decides whether a request may be sent
        self,
        models: Mapping[str, PlannedModel],
        policy: RetryPolicy,
        concurrency: int,
        *,
        has_answers: bool,
        on_stop: Callable[[str, str], None],
        on_recovery: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stopped: dict[tuple[str, str], str] = {}
        self.news = asyncio.Event()
        self._models = models
        self._policy = policy
        self._concurrency = concurrency
        self._has_answers = has_answers
        self._on_stop = on_stop
        self._on_recovery = on_recovery
        self._clock = clock
        self._all: dict[tuple[str, str], Breaker] = {}
        self._pairs: dict[tuple[str, str], tuple[Breaker, Breaker]] = {}  # as `_find` returns them
        self._answers: dict[str, int] = {}
        self._paused_at: float | None = None

    def pause(self) -> None:
        """Say that nothing is asked until `resume`."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Go on after a pause, which says nothing of models that are down."""
        if self._paused_at is not None:
            for breaker in self._all.values():
                breaker.leave_out(self._clock() - self._paused_at)
        self._paused_at = None

    def count_answers(self, model: str) -> int:
        """Return how many answers a model gave in this execution."""
        return self._answers.get(model, 0)

    def is_stopped(self, model: str, stage: str) -> bool:
        """Return whether nothing more is asked of a model, for this stage."""
        return bool(self.stopped) and not self.stopped.keys().isdisjoint(
            {(model, ""), (model, stage)}
        )

    def describe_down(self) -> str:
        """Name the models that are down, and why; empty where none is."""
        down = (
            (model, each.last_message) for (model, _), each in self._all.items() if each.is_open
        )
        return "; ".join(f"{model}: {said}" for model, said in dict(down).items())

    def list_waits(self) -> list[ModelWait]:
        """Return the models and stages that are asked nothing now."""
        stopped = [ModelWait(*key, None, why) for key, why in self.stopped.items()]
        waiting = [
            ModelWait(*key, each.seconds_left(), each.last_message)
            for key, each in self._all.items()
            if key not in self.stopped and (each.is_open or each.seconds_left() > 0)
        ]
        return stopped + waiting

    def may_send(self, request: Request) -> bool:
        """Return whether a request may be sent now."""
        return not self.is_stopped(request.model, request.stage) and not self.seconds_left(
            request.model, request.stage
        )

    def seconds_left(self, model: str, stage: str) -> float:
        """Return the seconds until a request may be sent; infinity while a probe is in flight."""
        of_model, of_stage = self._find(model, stage)
        return max(of_model.seconds_left(), of_stage.seconds_left())

    def judge_readiness(self, model: str) -> Readiness:
        """Return whether a model takes subject requests."""
        if self.is_stopped(model, SUBJECT):
            return Readiness.STOPPED
        if self.seconds_left(model, SUBJECT):
            return Readiness.DOWN
        is_open = any(each.is_open for each in self._find(model, SUBJECT))
        return Readiness.DUE if is_open else Readiness.UP

    def permit(self, request: Request) -> AbstractContextManager[Permit | None]:
        """Give the permission to send a request, for the duration of the context.

        Returns:
            a context of the permit; of None where the request must not be sent now.
        """
        return _Permission(self, request)

    def give(self, request: Request) -> Permit | None:
        """Return the permission to send a request, None where there is none; it is taken back."""
        if not self.may_send(request):
            return None
        permit = Permit(request.subject or request.id)
        for breaker in self._find(request.model, request.stage):
            breaker.join(permit)
        return permit

    def take_back(self, permit: Permit) -> None:
        """End a probe whose outcome was not recorded: it was not sent."""
        for breaker in permit.probed:
            breaker.cancel(permit)
        if permit.probed:
            self.wake()

    def record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        """Record what came of a request, and stop its model where nothing would help."""
        failure = find_failure(outcome)
        model, stage = self._find(request.model, request.stage)
        if failure is None:
            self._answers[request.model] = self.count_answers(request.model) + 1
            recovered = [each.record_answer(permit) for each in (model, stage)]
            if any(recovered):
                self._on_recovery(request.model)
        elif failure.scope is not FailureScope.REQUEST and not failure.retries:
            self._stop_for_good(request, failure)
        elif failure.passes and (failure.wait or 0) > MAX_WAIT:
            asked = f"it asks to wait {_describe_seconds(failure.wait or 0)}"
            self._stop(request.model, "", failure, asked)
        else:
            self._record_failure(permit, request, failure, is_held=isinstance(outcome, Unknown))
        if permit.probed or not self.may_send(request):
            self.wake()

    def _record_failure(
        self, permit: Permit, request: Request, failure: Failure, *, is_held: bool
    ) -> None:
        model, stage = self._find(request.model, request.stage)
        if failure.meaning in OF_THE_MODEL:
            model.record_failure(permit, failure, is_held=is_held)
            stage.cancel(permit)  # it says nothing of the stage
        else:
            stage.record_failure(permit, failure, is_held=is_held)
            if model in permit.probed:
                if failure.passes:
                    model.record_failure(permit, failure, is_held=is_held)
                elif model.record_answer(permit):  # who refuses a request is up
                    self._on_recovery(request.model)
        for breaker, name in ((model, ""), (stage, request.stage)):
            if breaker.has_given_up:
                self._stop(request.model, name, failure, breaker.describe_failures())

    def _stop_for_good(self, request: Request, failure: Failure) -> None:
        if failure.scope is FailureScope.ACCOUNT:
            return  # it stops everything
        if failure.scope is FailureScope.PROVIDER:
            provider = self._models[request.model].name.provider
            for model, planned in self._models.items():
                if planned.name.provider == provider:
                    self._stop(model, "", failure)
            return
        stage = request.stage if failure.meaning in _OF_THE_STAGE else ""
        self._stop(request.model, stage, failure)

    def _stop(self, model: str, stage: str, failure: Failure, more: str = "") -> None:
        if self.is_stopped(model, stage):
            return
        name = model if stage in ("", SUBJECT) else f"{model} as judge {stage}"
        parts = (failure.message.removesuffix("."), more, failure.mend or describe_mend(failure))
        self.stopped[model, stage] = f"{name}: {'; '.join(filter(None, parts))}"
        self._on_stop(model, stage)
        self.wake()

    def wake(self) -> None:
        """Let all who wait look again."""
        self.news.set()
        self.news = asyncio.Event()

    async def wait_for_news(self, seconds: float, news: asyncio.Event | None = None) -> None:
        """Wait until something may have changed, some seconds at most.

        Args:
            seconds: infinity for no limit.
            news: as it was before something was looked at; None for now.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(
                (news or self.news).wait(), None if seconds == math.inf else seconds
            )

    def _find(self, model: str, stage: str) -> tuple[Breaker, Breaker]:
        """Return the breaker of a model, and that of its stage."""
        found = self._pairs.get((model, stage))
        if found is None:
            found = self._pairs[model, stage] = self._get(model, ""), self._get(model, stage)
        return found

    def _get(self, model: str, stage: str) -> Breaker:
        if (model, stage) not in self._all:
            self._all[model, stage] = Breaker(
                self._policy,
                self._concurrency,
                has_answered=self._has_answers,
                clock=self._clock,
            )
        return self._all[model, stage]


class _Permission(AbstractContextManager[Permit | None]):
    """Gives a permit, and takes it back."""

    __slots__ = ("_breakers", "_permit", "_request")

    def __init__(self, breakers: Breakers, request: Request) -> None:
        self._breakers, self._request = breakers, request
        self._permit: Permit | None = None

    def __enter__(self) -> Permit | None:
        self._permit = self._breakers.give(self._request)
        return self._permit

    def __exit__(self, *_: object) -> None:
        if self._permit is not None:
            self._breakers.take_back(self._permit)


def _describe_seconds(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - an hour
