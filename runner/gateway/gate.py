"""The gate: each call of a program is counted, priced and reserved, sent, and settled.

It uses what an experiment's requests go through: the budget, the slots with their slow start, and
`AttemptRunner`. A call is a job of its own. It waits while money is only tied up in other calls,
first come, first served; where the cap cannot pay for it once all of them are in, it is refused
with an error that clients do not send again.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from aiohttp import web

from estimator.recorded import UNNAMED_STAGE, PromptParts, split_prompt
from experiment.prompts import Request
from pricing.errors import PricingError, Unpriced
from pricing.money import Money
from providers.apis import API_KINDS
from providers.clients import (
    CHAT_LIMITS,
    ClientApi,
    ClientCall,
    Operation,
    OperationKind,
    find_operation,
    read_call,
    write_body,
    write_refusal,
)
from providers.errors import CannotPrice
from providers.provider import ENDPOINTS, Provider
from runner.errors import CannotSend
from runner.execution import AttemptRunner, Permit, SlotPool, SlowStart
from runner.gateway.call_budget import CallBudget, CallSize
from runner.gateway.call_costs import CallCosts
from runner.gateway.client_reply import ClientReply
from runner.gateway.door import DoorCall
from runner.gateway.models import PricedModels
from runner.gateway.part_caps import PartCap, PartCaps
from runner.gateway.relay import Relay, RelayedCall, Upstream
from runner.ledger import Ledger
from runner.transport import Outcome, require_api_key, require_proxy

# Fields of a body that make an answer's body larger than its tokens.
_FIELDS = ("logprobs", "top_logprobs")
_CACHING = ("cache_control", "prompt_cache_options", "prompt_cache_retention")
LABEL_HEADER, LABEL = "x-afcost-label", re.compile(r"[A-Za-z0-9._-]{1,60}")
_AT_CAP, _BAD_CALL, _STOPPED, _NOT_FOUND, _GONE = 402, 400, 403, 404, 410
_KINDS = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}


class Refused(Exception):
    """A call that is not sent.

    Args:
        status: of the reply; one that clients do not send again.
        code: of the error.
        message: for the program and its user.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(slots=True)
class CallTally:
    """What became of a program's calls.

    Attributes:
        sent: provider -> calls that were admitted.
        free: calls that cost nothing, such as lists of models.
        at_cap: option of a cap -> calls that it could not pay for.
        refused: why others were refused -> how often.
        stopped: why nothing more is sent; empty while calls are.
        unbounded: models whose reasoning `max_tokens` does not limit, so that a call may cost more
            than was reserved for it; the first that does stops all others.
    """

    sent: Counter[str] = field(default_factory=Counter)
    free: int = 0
    at_cap: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    unbounded: set[str] = field(default_factory=set)


class _NoBreakers:
    """The permissions of a program's calls: it is told of each failure, and tries again itself."""

    @contextmanager
    def permit(self, request: Request) -> Iterator[Permit]:
        yield Permit(request.id)

    def record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        pass

    def is_stopped(self, model: str, stage: str) -> bool:  # noqa: ARG002 - of no model
        return False


class Gate:
    """Answers the calls that come through a door.

    Args:
        ledger: open for writing, with its approval.
        models: prices them.
        providers: where a program may send to, by name.
        relay: sends them.
        make_slow_start: returns how many calls of a model may be in flight.
        concurrency: calls in flight, at most.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        caps: on parts of the calls.
        name_stage: names the stage of a call without a label; None for one stage of all.

    Attributes:
        tally: of what came of the calls.
    """

    def __init__(  # noqa: PLR0913 - what a gate is made of
        self,
        ledger: Ledger,
        models: PricedModels,
        providers: dict[str, Provider],
        relay: Relay,
        *,
        make_slow_start: Callable[[str], SlowStart],
        concurrency: int,
        default_limit: int | None = None,
        caps: Sequence[PartCap] = (),
        name_stage: Callable[[PromptParts], str] | None = None,
    ) -> None:
        self._name_stage = name_stage
        self.tally = CallTally()
        self._ledger = ledger
        self._models = models
        self._providers = providers
        self._relay = relay
        self._make_slow_start = make_slow_start
        self._default_limit = default_limit
        self._costs = CallCosts(models)
        self._budget = CallBudget(ledger)
        self._caps = PartCaps(caps)
        self._slots = SlotPool({}, concurrency)
        self._attempts = AttemptRunner(
            models,
            self._budget,
            self._costs,
            relay,
            breakers=_NoBreakers(),
            slots=self._slots,
            on_stop=self.stop,
        )
        self._line = asyncio.Lock()  # of the calls that wait for money
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._upstreams: dict[tuple[str, ClientApi], Upstream] = {}

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        self.tally.stopped = self.tally.stopped or reason
        self._attempts.stop()

    async def handle(self, arrived: DoorCall) -> web.StreamResponse:
        """Answer a call."""
        operation, reply = find_operation(arrived.path, self._providers), ClientReply(arrived)
        try:
            await self._answer(arrived, operation, reply)
        except Refused as refused:
            if refused.status != _AT_CAP:
                self.tally.refused[str(refused)] += 1
            said = f"afcost: {refused}"
            headers, body = write_refusal(operation.api, refused.status, said, refused.code)
            await reply.send(refused.status, headers, body)
        assert reply.response is not None  # noqa: S101 - every way replies
        return reply.response

    async def _answer(self, arrived: DoorCall, operation: Operation, reply: ClientReply) -> None:
        if operation.kind is OperationKind.REFUSED:
            raise Refused(operation.status, "not_supported", operation.reason)
        if self.tally.stopped:
            raise Refused(_STOPPED, "stopped", self.tally.stopped)
        if operation.kind is OperationKind.FREE:
            await self._relay.pass_free(self._find_upstream(operation), operation, arrived, reply)
            self.tally.free += 1
            return
        try:
            call = read_call(
                operation.api,
                arrived.body,
                model=operation.model,
                streamed=operation.is_streamed,
            )
        except CannotPrice as problem:
            raise Refused(problem.status, "not_priced", str(problem)) from problem
        stage = self._find_stage(call, arrived.headers)
        request = self._build_request(call, operation.provider, stage)
        try:
            self._costs.count(request, call)
            self._relay.expect(
                request, self._build_relayed(call, request, operation, arrived, reply)
            )
            await self._spend(request, operation.provider)
        finally:
            self._relay.forget(request)
            self._costs.forget_count(request)

    def _find_stage(self, call: ClientCall, headers: Mapping[str, str]) -> str:
        """Return the stage of a call: its label or, of an approved plan, by its prompt.

        Raises:
            Refused: its label is none.
        """
        if LABEL_HEADER in headers or self._name_stage is None:
            return _read_label(headers)
        return self._name_stage(split_prompt(call))

    def _build_request(self, call: ClientCall, provider: str, stage: str) -> Request:
        """Return a call as a request of an experiment, which the ledger knows.

        Raises:
            Refused: it cannot be priced.
        """
        if provider not in self._providers:
            raise Refused(_NOT_FOUND, "not_supported", f"{provider} is no provider that is known")
        try:
            model = self._models.find(provider, call.model)
        except Unpriced as error:
            said = f"{error}\nor give afcost guard --price {provider}/{call.model}=IN/OUT"
            raise Refused(_BAD_CALL, "not_priced", said) from error
        except PricingError as error:
            raise Refused(_BAD_CALL, "not_priced", str(error)) from error
        planned, number = self._models[model], next(self._numbers)
        limit = call.limit or self._default_limit or planned.capability.max_output
        if limit is None:
            raise Refused(
                _BAD_CALL,
                "not_priced",
                f"the call says no max_tokens, and the largest answer of {model} is not known; "
                "let the program say max_tokens, or give afcost guard --default-max-tokens N",
            )
        if not planned.capability.limit_bounds_reasoning:
            self.tally.unbounded.add(model)
        self._slots.add_model(model, lambda: self._make_slow_start(model))
        fields = _pick_fields(call)
        return Request(
            id=f"{self._prefix}{number:08d}",
            stage=stage,
            model=model,
            condition="",
            query=number,
            sample=0,
            messages=call.messages,
            sampling={"max_tokens": limit, **fields},
            choices=call.choices,
        )

    def _build_relayed(
        self,
        call: ClientCall,
        request: Request,
        operation: Operation,
        arrived: DoorCall,
        reply: ClientReply,
    ) -> RelayedCall:
        upstream = self._find_upstream(operation)
        provider, takes = upstream.provider, self._models[request.model].capability
        is_chat = operation.api is ClientApi.CHAT
        body = write_body(
            call,
            limit=request.max_tokens if call.limit is None else None,
            limit_field=takes.limit_field if is_chat and takes.limit_field in CHAT_LIMITS else None,
            tier=provider.standard_tier,
            asks_usage=provider.name != "mistral",
        )
        stream = "?alt=sse" if operation.api is ClientApi.GENERATE and call.is_streamed else ""
        path = f"{operation.path}{stream}"
        return RelayedCall(call, upstream, path, arrived.headers, body, reply)

    def _find_upstream(self, operation: Operation) -> Upstream:
        """Return where calls of one kind go.

        Raises:
            Refused: there is no such provider, or no key for it.
        """
        key = (operation.provider, operation.api)
        if key not in self._upstreams:
            provider = self._providers.get(operation.provider)
            if provider is None:
                raise Refused(_NOT_FOUND, "not_supported", f"no provider {operation.provider}")
            kind = _KINDS[operation.api.value]
            try:
                found = Upstream(
                    provider, API_KINDS[kind], require_api_key(provider), require_proxy(provider)
                )
            except CannotSend as error:
                raise Refused(_STOPPED, "no_key", str(error)) from error
            self._upstreams[key] = found
        return self._upstreams[key]

    async def _spend(self, request: Request, provider: str) -> None:
        """Reserve a call, send it, and settle it.

        Raises:
            Refused: it was not sent.
        """
        amount, names = self._costs.of_request(request), (request.model, request.stage)
        tokens = self._costs.count_prompt(request).bound + request.max_output
        size = came_to = CallSize(amount.pico, tokens)
        if reached := await self._caps.reserve(names, size):
            is_tokens = reached.counts_tokens
            may = f"take {tokens:,}" if is_tokens else _say_cost(amount, request)
            self._refuse_at_cap(reached.option, reached.describe(), may)
        try:
            await self._send(request)
            self.tally.sent[provider] += 1
            came_to = self._budget.take_size(request.id) or size
        except Refused:
            came_to = CallSize()
            raise
        finally:
            self._attempts.last_attempts.pop(request.id, None)
            await self._caps.settle(names, size, came_to)

    async def _send(self, request: Request) -> None:
        """Reserve and send a call; where the cap does not cover it now, wait in line until it does.

        Raises:
            Refused: it was not sent.
        """
        if not self._line.locked():
            async with self._budget.call(request.id):
                if await self._attempts.run_attempt([request], request.id):
                    return
        while not self.tally.stopped:  # again where its worst case rose after it was admitted
            async with self._budget.call(request.id):
                async with self._line:
                    await self._admit(request)
                if await self._attempts.run_attempt([request], request.id):
                    return
        raise Refused(_STOPPED, "stopped", self.tally.stopped)

    async def _admit(self, request: Request) -> None:
        """Allocate money to a call that is first in line, once there is any.

        Raises:
            Refused: there will be none, or its client waits no more.
        """
        if not self._relay.is_awaited(request):
            raise Refused(_GONE, "client_left", "its client left before it was sent")
        amount = self._costs.of_request(request)
        if self._never_fits(amount) or not await self._budget.admit([(request.id, amount)]):
            self._refuse_unadmitted(request, amount)

    def _never_fits(self, amount: Money) -> bool:
        """Return whether a call costs more than is left once all others cost nothing."""
        balance = self._ledger.balance
        return amount > balance.cap - balance.settled - balance.held

    def _refuse_unadmitted(self, request: Request, amount: Money) -> NoReturn:
        """Refuse a call that the cap cannot pay for, or that came when all was stopped.

        Raises:
            Refused: always.
        """
        if reason := self._budget.stop_reason or self.tally.stopped:
            self.stop(reason)
            raise Refused(_STOPPED, "stopped", reason)
        balance = self._ledger.balance
        held = f" and {balance.held} held" if balance.held.pico else ""
        reached = f"cap of {balance.cap} reached: {balance.settled} spent{held}"
        self._refuse_at_cap("--cap", reached, _say_cost(amount, request))

    def _refuse_at_cap(self, option: str, reached: str, may: str) -> NoReturn:
        """Refuse a call that a cap cannot pay for.

        Raises:
            Refused: always.
        """
        self.tally.at_cap[option] += 1
        raise Refused(
            _AT_CAP,
            "budget_exceeded",
            f"{reached}, and this call may {may}. To go on, run it again with a higher {option}",
        )


def _say_cost(amount: Money, request: Request) -> str:
    """Say what a call may do to a cap, and why: programs often ask for more than they need."""
    return f"cost {amount} (up to {request.max_output:,} tokens of answer)"


def _read_label(headers: Mapping[str, str]) -> str:
    """Return the label that a program gives a call, by which its calls are told apart.

    Raises:
        Refused: it is none.
    """
    label = headers.get(LABEL_HEADER, UNNAMED_STAGE)
    if not LABEL.fullmatch(label):
        said = f"{LABEL_HEADER}: expected letters, digits, dots, dashes and underscores, up to 60"
        raise Refused(_BAD_CALL, "bad_label", said)
    return label


def _pick_fields(call: ClientCall) -> dict[str, object]:
    """Return what of a call's body the transport and the settlement look at."""
    fields: dict[str, object] = {name: call.body[name] for name in _FIELDS if call.body.get(name)}
    marks = [call.options[name] for name in _CACHING if call.options.get(name)]
    return fields | ({"cache_control": marks} if marks else {})
