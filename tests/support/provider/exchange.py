"""How the provider takes one call, from the request to the answer or the fault.

A call is charged when it is accepted, before the delay: a client that loses patience pays all the
same, as with a provider whose machines have begun. 429, quota and 402 are told at once, everything
else after the delay.
"""

import asyncio
import json
from dataclasses import dataclass

from aiohttp import web

from tests.support.provider import delivery
from tests.support.provider.api_formats import (
    STATUS,
    Asked,
    Refusal,
    RequestRefusedError,
    Wire,
)
from tests.support.provider.behaviour import UNBILLED, Behaviour, Fault, prompt_key
from tests.support.provider.bill import Till
from tests.support.provider.caching.breakpoints import BadMarkError
from tests.support.provider.caching.prefix_cache import PrefixCache
from tests.support.provider.gate import Gate
from tests.support.provider.lies import tell
from tests.support.provider.outages import MESSAGES, Outage
from tests.support.provider.refused_answers import ERRORS, SHAPED, shape_answer, write_error
from tests.support.provider.saying import compose
from tests.support.provider.shapes.bodies import give_shape
from tests.support.provider.streams import is_streamed, write_events

LONGEST_STALL_SECONDS = 600.0
REFUSED_AT_ONCE: dict[str, tuple[Refusal, str]] = {
    "429": ("429", "Rate limit reached; try again later."),
    "quota": ("quota", "You exceeded your current quota; check your plan and billing details."),
    "402": ("402", "Insufficient credits; add more to continue."),
}


@dataclass(frozen=True)
class Exchange:
    """One call: what it is, and how it is answered; `outage` is the one that it falls into."""

    behaviour: Behaviour
    till: Till
    call: int
    request: web.Request
    wire: Wire
    gate: Gate
    cache: PrefixCache
    outage: Outage | None = None

    async def respond(self, body: dict[str, object]) -> web.StreamResponse:
        """Answer, or do what the fault says."""
        try:
            asked = self.wire.read(body)
        except RequestRefusedError as error:
            return self._refuse("400", str(error))
        if not key_fits(self.behaviour, self.request):
            return self._refuse("401", "Incorrect API key provided.")
        self.till.ask(self.call, prompt_key(asked.messages))
        if self.outage is not None:
            self.till.blame(self.call, self.outage.fault)
            if self.outage.kind != "refused":
                return await self._be_down(self.outage)
        fault = self.behaviour.fault(self.call, asked.model) if self.outage is None else None
        if fault is not None:
            self.till.blame(self.call, fault.kind)
        if fault is not None and fault.kind in UNBILLED:
            return await self._fail_unbilled(fault)
        return await self._work(body, asked, fault)

    async def _be_down(self, outage: Outage) -> web.Response:
        """Refuse a call because of an outage, which a rate limit says at once."""
        if outage.kind != "429":
            await asyncio.sleep(self.behaviour.delay)
        refusal: Refusal = "429" if outage.kind == "429" else "500"
        body = outage.explain(self.wire.error(self.call, refusal, MESSAGES[outage.kind]))
        return web.json_response(body, status=int(outage.kind), headers=outage.headers)

    async def _fail_unbilled(self, fault: Fault) -> web.Response:
        if fault.kind in REFUSED_AT_ONCE:
            refusal, message = REFUSED_AT_ONCE[fault.kind]
            waits = {"Retry-After": f"{fault.retry_after:g}"} if refusal == "429" else {}
            return self._refuse(refusal, message, waits)
        await asyncio.sleep(self.behaviour.delay)
        return self._fail(fault)

    async def _work(
        self, sent: dict[str, object], asked: Asked, fault: Fault | None
    ) -> web.StreamResponse:
        """Charge the call, then answer it or fail."""
        tokens = self.behaviour.input_for(asked.messages, asked.model)
        if tokens is None:
            return self._refuse("400", "This prompt is not in the table of input tokens.")
        drawn = self.behaviour.draw(asked.messages, asked.model)
        self.till.note_drawn(self.call, drawn)
        rules, least = self.behaviour.caches, self.behaviour.least_cached
        try:
            cached = self.cache.take(rules, least, sent, tokens)
        except BadMarkError as error:
            return self._refuse("400", str(error))
        said = compose(self.behaviour, self.call, asked, tokens, fault, drawn, cached)
        self.till.charge(self.call, said.charge)
        await self.gate.wait_to_pass(self.call)
        kind = fault.kind if fault else None
        await asyncio.sleep(LONGEST_STALL_SECONDS if kind == "stall" else self.behaviour.delay)
        if fault is not None and kind in ("500_after", "cut_after", "stall", "filter_400_billed"):
            return self._fail(fault)
        self.cache.finish(cached)
        body = self.wire.answer(self.call, asked, said)
        give_shape(body, drawn)
        if kind in SHAPED:
            shape_answer(body, kind)
        tell(self.behaviour.lie, body)
        if is_streamed(self.request.path, sent):
            return await self._stream(sent, body, fault)
        return await self._answer(body, fault)

    async def _stream(
        self, sent: dict[str, object], body: dict[str, object], fault: Fault | None
    ) -> web.StreamResponse:
        kind = fault.kind if fault else None
        if kind == "no_usage":
            del body["usage" if "usage" in body else "usageMetadata"]
        events = write_events(self.request.path, sent, body)
        if kind == "malformed":
            events = events[: len(events) // 2]
        answer, is_there = await delivery.streamed(
            self.request, events, fault, self.behaviour.event_delay
        )
        if is_there and kind not in ("no_usage", "malformed"):
            self.till.deliver(self.call)
        return answer

    async def _answer(self, body: dict[str, object], fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault else None
        if kind == "no_usage":
            del body["usage" if "usage" in body else "usageMetadata"]
        text = json.dumps(body).encode()
        if kind == "malformed":
            text = text[: len(text) // 2]
        if fault is not None and kind in delivery.BROKEN:
            broken = await delivery.broken(self.request, text, fault)
            if kind == "slow":  # a client that waited so long has all of it
                self.till.deliver(self.call)
            return broken
        answer = web.Response(body=text, content_type="application/json")
        if any(
            each.kind == "refused" for each in (*self.behaviour.faults, *self.behaviour.outages)
        ):
            answer.force_close()  # a shut socket does not stop those who are connected
        if await delivery.whole(self.request, answer) and kind not in ("no_usage", "malformed"):
            self.till.deliver(self.call)
        return answer

    def _fail(self, fault: Fault) -> web.Response:
        """Answer with an error, or close the connection under the client's feet."""
        if fault.kind in ERRORS:
            body, status = write_error(fault.kind)
            return web.json_response(body, status=status)
        if fault.kind.startswith("500"):
            return self._refuse("500", "The server had an error while processing your request.")
        if self.request.transport is not None:
            self.request.transport.close()
        return web.Response()  # goes nowhere

    def _refuse(
        self, refusal: Refusal, message: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        body = self.wire.error(self.call, refusal, message)
        return web.json_response(body, status=STATUS[refusal], headers=headers)


def key_fits(behaviour: Behaviour, request: web.Request) -> bool:
    """Say whether a request has the key, in the header of its form."""
    headers = request.headers
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    own = (headers.get("x-api-key"), headers.get("x-goog-api-key"))
    return behaviour.api_key in ("", bearer, *own)
