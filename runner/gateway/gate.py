"""The gate: each call of a program is read, priced, spent on, and answered.

`find_operation` says what a call asks for by its path, `read_call` what of it depends on money,
`CallRequests` makes a request of it, and `Spender` reserves it, sends it over the `Relay`, and
settles it. Where any of them refuses, the program gets an error that its client does not send
again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from estimator.recorded import PromptParts
from experiment.prompts import Request
from pricing.money import Money
from providers.clients import (
    ClientCall,
    Operation,
    OperationKind,
    find_operation,
    read_call,
    write_refusal,
)
from providers.errors import CannotPrice
from providers.provider import Provider
from runner.execution import SlowStart
from runner.gateway.call_request import CallRequests
from runner.gateway.client_reply import ClientReply
from runner.gateway.door import DoorCall
from runner.gateway.models import PricedModels
from runner.gateway.refused_calls import RefusedCalls
from runner.gateway.relay import Relay
from runner.gateway.relayed_call import RelayedCall, write_relayed
from runner.gateway.spending import (
    RAISE_CAP,
    CallTally,
    PartCap,
    Refused,
    SampleMoney,
    Spender,
    Why,
)
from runner.gateway.tools import find_tool_of_call
from runner.gateway.upstreams import Upstreams
from runner.ledger import Ledger

# A program that knows its samples says in a call's header which it belongs to, and in a POST to
# `afcost/samples/begin` and `/end`, with `{"sample": ID}`, when one begins and ends. As it begins,
# `"length"` may say how many characters its own texts have.
SAMPLE_HEADER, _SAMPLE_PATHS = "x-afcost-sample", "afcost/samples/"
_BEGIN, _END, _MAX_ID = "begin", "end", 200


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
        refusals: takes those that a cap refused.
        name_stage: names the stage of a call without a label; None for one stage of all.
        raise_cap: what raises the cap of the whole program, in words.
        known_samples: what the calls of a sample of an earlier start were reserved for together,
            by its size.
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
        refusals: RefusedCalls | None = None,
        name_stage: Callable[[PromptParts], str] | None = None,
        raise_cap: str = RAISE_CAP,
        known_samples: Mapping[int, Money] | None = None,
    ) -> None:
        self._refusals = refusals
        self._models = models
        self._providers = providers
        self._relay = relay
        self._requests = CallRequests(models, default_limit, name_stage)
        self._upstreams = Upstreams(providers)
        self._spender = Spender(
            ledger,
            models,
            relay,
            make_slow_start=make_slow_start,
            concurrency=concurrency,
            caps=caps,
            raise_cap=raise_cap,
            known_samples=known_samples,
        )

    @property
    def tally(self) -> CallTally:
        """What became of the calls."""
        return self._spender.tally

    @property
    def samples(self) -> SampleMoney:
        """The samples of an evaluation, which have their calls' money together."""
        return self._spender.samples

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        self._spender.stop(reason)

    async def handle(self, arrived: DoorCall) -> web.StreamResponse:
        """Answer a call."""
        if arrived.path.startswith(_SAMPLE_PATHS):
            return await self._answer_sample(arrived)
        operation, reply = find_operation(arrived.path, self._providers), ClientReply(arrived)
        try:
            await self._answer(arrived, operation, reply)
        except Refused as refused:
            if refused.status != Why.AT_CAP:
                self.tally.refused[str(refused)] += 1
            said = f"afcost: {refused}"
            headers, body = write_refusal(operation.api, refused.status, said, refused.code)
            await reply.send(refused.status, headers, body)
        assert reply.response is not None  # noqa: S101 - every way replies
        return reply.response

    async def _answer_sample(self, arrived: DoorCall) -> web.StreamResponse:
        """Answer what a program says of a sample: whether it is admitted and, if not, why."""
        what, (name, length) = arrived.path.removeprefix(_SAMPLE_PATHS), _read_sample(arrived.body)
        if what not in (_BEGIN, _END) or not name:
            return web.json_response({"error": "expected begin or end, and a sample"}, status=400)
        reason = await self.samples.begin(name, length) if what == _BEGIN else ""
        if what == _END or arrived.has_left:
            await self.samples.end(name)
        return web.json_response({"admitted": not reason, "reason": reason})

    async def _answer(self, arrived: DoorCall, operation: Operation, reply: ClientReply) -> None:
        """Answer a call.

        Raises:
            Refused: it was not sent.
        """
        if operation.kind is OperationKind.REFUSED:
            raise Refused(operation.status, "not_supported", operation.reason)
        if self.tally.stopped:
            raise Refused(Why.STOPPED, "stopped", self.tally.stopped)
        upstream = self._upstreams.find(operation)
        if operation.kind is OperationKind.FREE:
            await self._relay.pass_free(upstream, operation, arrived, reply)
            self.tally.free += 1
            return
        call = _read(operation, arrived)
        request = self._requests.build(call, operation.provider, arrived.headers)
        takes = self._models[request.model].capability
        if not takes.limit_bounds_reasoning:
            self.tally.unbounded.add(request.model)
        relayed = write_relayed(call, request, takes, operation, upstream, arrived, reply)
        await self._spend(request, relayed)

    async def _spend(self, request: Request, relayed: RelayedCall) -> None:
        """Spend what a call costs.

        Raises:
            Refused: it was not sent.
        """
        self._relay.expect(request, relayed)
        try:
            await self._spender.spend(
                request,
                relayed.call,
                relayed.upstream.provider.name,
                relayed.headers.get(SAMPLE_HEADER, ""),
            )
        except Refused as refused:
            if refused.status == Why.AT_CAP:
                self._note_refusal(request, relayed, refused.option)
            raise
        finally:
            self._relay.forget(request)

    def _note_refusal(self, request: Request, relayed: RelayedCall, option: str) -> None:
        if tool := find_tool_of_call(relayed.headers):
            self.tally.tools.add(tool)
        if self._refusals is not None:
            self._refusals.add(request, option)


def _read(operation: Operation, arrived: DoorCall) -> ClientCall:
    """Read a call.

    Raises:
        Refused: what it costs cannot be bounded.
    """
    model, streamed = operation.model, operation.is_streamed
    try:
        return read_call(operation.api, arrived.body, model=model, streamed=streamed)
    except CannotPrice as problem:
        raise Refused(problem.status, "not_priced", str(problem)) from problem


def _read_sample(body: bytes) -> tuple[str, int | None]:
    """Return the sample that a body names, empty where it names none, and its length, if told."""
    try:
        told = json.loads(body)
        name, length = told["sample"], told.get("length")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", None
    is_name = isinstance(name, str) and len(name) <= _MAX_ID and name.isprintable()
    is_length = type(length) is int and length >= 0
    return name if is_name else "", length if is_length else None
