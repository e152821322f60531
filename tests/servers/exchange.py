"""How the provider takes one call, from the request to the answer or the fault.

A call is charged when it is accepted, before the delay: a client that loses patience pays all the
same, as with a provider whose machines have begun. 429, quota and 402 are told at once, everything
else after the delay.
"""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web

from .answers import ANSWERS
from .behaviour import UNBILLED, Behaviour, Fault
from .bill import Charge, Till
from .wire import STATUS, Asked, Refusal, RequestRefusedError, Said, Wire

LONGEST_STALL_SECONDS = 600.0
REFUSED_AT_ONCE: dict[str, tuple[Refusal, str]] = {
    "429": ("429", "Rate limit reached; try again later."),
    "quota": ("quota", "You exceeded your current quota; check your plan and billing details."),
    "402": ("402", "Insufficient credits; add more to continue."),
}


@dataclass(frozen=True)
class Exchange:
    """One call: what it is, and how it is answered."""

    behaviour: Behaviour
    till: Till
    call: int
    request: web.Request
    wire: Wire

    async def respond(self, body: dict[str, object]) -> web.Response:
        """Answer, or do what the fault says."""
        try:
            asked = self.wire.read(body)
        except RequestRefusedError as error:
            return self._refuse("400", str(error))
        if not self._key_fits():
            return self._refuse("401", "Incorrect API key provided.")
        fault = self.behaviour.fault(self.call, asked.model)
        if fault is not None:
            self.till.blame(self.call, fault.kind)
        if fault is not None and fault.kind in UNBILLED:
            return await self._fail_unbilled(fault)
        return await self._work(asked, fault)

    def _key_fits(self) -> bool:
        headers = self.request.headers
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        return self.behaviour.api_key in ("", bearer, headers.get("x-api-key"))

    async def _fail_unbilled(self, fault: Fault) -> web.Response:
        if fault.kind in REFUSED_AT_ONCE:
            refusal, message = REFUSED_AT_ONCE[fault.kind]
            waits = {"Retry-After": f"{fault.retry_after:g}"} if refusal == "429" else {}
            return self._refuse(refusal, message, waits)
        await asyncio.sleep(self.behaviour.delay)
        return self._fail(fault)

    async def _work(self, asked: Asked, fault: Fault | None) -> web.Response:
        """Charge the call, then answer it or fail."""
        tokens = self.behaviour.input_for(asked.messages)
        if tokens is None:
            return self._refuse("400", "This prompt is not in the table of input tokens.")
        said = _said(self.behaviour, self.call, asked, tokens, fault)
        self.till.charge(self.call, said.charge)
        kind = fault.kind if fault else None
        await asyncio.sleep(LONGEST_STALL_SECONDS if kind == "stall" else self.behaviour.delay)
        if fault is not None and kind in ("500_after", "cut_after", "stall"):
            return self._fail(fault)
        return self._answer(asked, said, kind)

    def _answer(self, asked: Asked, said: Said, kind: str | None) -> web.Response:
        body = self.wire.answer(self.call, asked, said)
        if kind == "no_usage":
            del body["usage"]
        text = json.dumps(body)
        if kind == "malformed":
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json")

    def _fail(self, fault: Fault) -> web.Response:
        """Answer 500, or close the connection under the client's feet."""
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


def _said(
    behaviour: Behaviour, call: int, asked: Asked, input_tokens: int, fault: Fault | None
) -> Said:
    """Decide the answer's text and price. Only `over_max` exceeds what was allowed."""
    wanted = behaviour.output_for(call)
    allowed = wanted if asked.max_tokens is None else asked.max_tokens
    output = min(wanted, allowed)
    if fault is not None and fault.kind == "over_max":
        output = allowed + fault.beyond
    read = min(behaviour.cache_read_tokens, input_tokens)
    written = min(behaviour.cache_write_tokens, input_tokens - read)
    reasoning = min(behaviour.reasoning_tokens, output)
    charge = Charge(input_tokens, output, read, written, reasoning)
    text = behaviour.text
    if text is None:
        text = ANSWERS[behaviour.answer](asked.prompt)
    cut, cost = max(wanted, output) > allowed, _cost(behaviour, charge)
    return Said(text, cut=cut, charge=charge, cost=cost, tier=behaviour.tier)


def _cost(behaviour: Behaviour, charge: Charge) -> str:
    if not behaviour.states_cost:
        return ""
    entry, output = map(Decimal, behaviour.states_cost)
    return f"{(charge.input_tokens * entry + charge.output_tokens * output) / 1_000_000:f}"
