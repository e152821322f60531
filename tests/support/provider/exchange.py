"""How the provider takes one call, from the request to the answer or the fault.

A call is charged when it is accepted, before the delay: a client that loses patience pays all the
same, as with a provider whose machines have begun. 429, quota and 402 are told at once, everything
else after the delay.
"""

import asyncio
import json
from dataclasses import astuple, dataclass, replace
from decimal import Decimal

from aiohttp import web

from tests.support.provider import delivery
from tests.support.provider.answers import (
    ANSWERS,
    JUDGES_FIELD,
    REFUSAL,
    accept,
    judge,
    reject,
    words,
)
from tests.support.provider.api_formats import (
    STATUS,
    Asked,
    Refusal,
    RequestRefusedError,
    Said,
    Wire,
)
from tests.support.provider.behaviour import UNBILLED, Behaviour, Fault, prompt_key
from tests.support.provider.bill import Charge, Till
from tests.support.provider.caching.breakpoints import BadMarkError
from tests.support.provider.caching.prefix_cache import Cached, PrefixCache
from tests.support.provider.gate import Gate
from tests.support.provider.lies import tell
from tests.support.provider.outages import MESSAGES, Outage
from tests.support.provider.refused_answers import ERRORS, SHAPED, shape_answer, write_error
from tests.support.provider.shapes.bodies import give_shape
from tests.support.provider.shapes.drawing import Drawn
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
        said = _said(self.behaviour, self.call, asked, tokens, fault, drawn, cached)
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


def _said(
    behaviour: Behaviour,
    call: int,
    asked: Asked,
    input_tokens: int,
    fault: Fault | None,
    drawn: Drawn,
    cached: Cached,
) -> Said:
    """Decide the answer's text and price. Only `over_max` exceeds what was allowed."""
    query = str(asked.messages[-1].get("content")) if asked.messages else ""
    wanted = behaviour.output_for(call, query)
    allowed = wanted if asked.max_tokens is None else asked.max_tokens
    output = {"truncated": allowed, "blocked": 0}.get(drawn.shape, min(wanted, allowed))
    if fault is not None and fault.kind == "over_max":
        output = allowed + fault.beyond
    thinks = drawn.shape == "truncated" or (fault is not None and fault.kind == "truncated")
    read = min(behaviour.cache_read_tokens, input_tokens)
    written = min(behaviour.cache_write_tokens, input_tokens - read)
    reasoning = output if thinks else min(behaviour.reasoning_tokens, output)
    given = asked.choices
    if fault is not None and fault.kind == "fewer_choices":
        given = (given + 1) // 2
    others = [min(behaviour.output_for(call, query, number), allowed) for number in range(1, given)]
    charge = Charge(input_tokens, output + sum(others), read, written, reasoning)
    if behaviour.caches:
        charge = replace(
            charge,
            cache_read_tokens=cached.read,
            cache_write_tokens=cached.written,
            cache_write_1h_tokens=cached.written_for_an_hour,
        )
    return Said(
        _text(behaviour, asked, output - reasoning, drawn),
        cut=max(wanted, output) > allowed,
        charge=charge,
        told=_told(charge, allowed * given, fault),
        more=tuple(_text(behaviour, asked, tokens, drawn) for tokens in others),
        hides_reasoning=behaviour.hides_reasoning,
        cost=_cost(behaviour, charge),
        tier=behaviour.tier,
    )


def _text(behaviour: Behaviour, asked: Asked, visible: int, drawn: Drawn) -> str:
    if behaviour.wordy:
        return words(visible)
    if drawn.complies is not None:
        return (accept if drawn.complies else reject)(asked.prompt)
    if behaviour.errs and JUDGES_FIELD in asked.prompt:
        return _judge(behaviour, asked)
    return ANSWERS[behaviour.answer](asked.prompt) if behaviour.text is None else behaviour.text


def _judge(behaviour: Behaviour, asked: Asked) -> str:
    refused = REFUSAL in asked.prompt
    if behaviour.misjudges(asked.messages, asked.model):
        refused = not refused
    return judge(asked.prompt).replace('"no"', '"yes"' if refused else '"no"')


def _told(charge: Charge, allowed: int, fault: Fault | None) -> Charge:
    """Say what a charge was; a few faults lie."""
    match fault and fault.kind:
        case "zero_usage":
            return Charge(0, 0)
        case "halved_usage":
            return Charge(*(tokens // 2 for tokens in astuple(charge)))
        case "inflated_output":
            return replace(charge, output_tokens=min(2 * charge.output_tokens, allowed))
        case "inflated_prompt":
            return replace(charge, input_tokens=2 * charge.input_tokens)
    return charge


def _cost(behaviour: Behaviour, charge: Charge) -> str:
    if not behaviour.states_cost:
        return ""
    entry, output = map(Decimal, behaviour.states_cost)
    return f"{(charge.input_tokens * entry + charge.output_tokens * output) / 1_000_000:f}"
