"""The stand-in: it answers a program's calls in the place of all providers, and records them.

There is no client in it, so nothing can leave this machine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from estimator.recorded import RecordedCall
from providers.clients import (
    ClientCall,
    Operation,
    OperationKind,
    find_operation,
    parse_quietly,
    write_json,
    write_refusal,
)
from runner.gateway import LABEL, LABEL_HEADER, PricedModels
from runner.gateway.door import ClientAnswer, DoorCall
from runner.rehearsal.answers import Said, write_stream, write_whole
from runner.rehearsal.counted_call import CallCounter, CountedCall, Refused
from runner.rehearsal.free_answers import find_counted, list_models, write_count
from runner.rehearsal.kept_bodies import KeptBodies
from runner.rehearsal.options import RehearsalOptions
from runner.rehearsal.placeholders import Placeholder, find_asked, make_placeholder
from runner.rehearsal.replies import Reply

_BAD_CALL = 400
_STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


@dataclass(slots=True)
class StandIn:
    """Answers the calls that come through a door.

    Args:
        options: of the rehearsal.
        models: prices and counts them.
        tokens: of a placeholder.
        bodies: keeps what they sent.

    Attributes:
        calls: that were answered, in the order in which they came.
        refused: why others were not -> how often.
        odd: what else must be known of the answers -> how often.
        unrecorded: how many were answered and not recorded, because there were too many.
    """

    options: RehearsalOptions
    models: PricedModels
    tokens: int
    bodies: KeptBodies
    calls: list[RecordedCall] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    unrecorded: int = 0
    _seen: Counter[bytes] = field(default_factory=Counter)
    _counter: CallCounter = field(init=False)

    def __post_init__(self) -> None:
        """Count by the same models and options."""
        self._counter = CallCounter(self.options, self.models)

    async def handle(self, arrived: DoorCall) -> web.StreamResponse:
        """Answer a call."""
        operation = find_operation(arrived.path, self.options.providers)
        try:
            return await self._answer(operation, arrived)
        except Refused as refused:
            self.refused[str(refused)] += 1
            said = f"afcost: {refused}"
            headers, body = write_refusal(operation.api, refused.status, said, refused.code)
            return web.Response(status=refused.status, headers=headers, body=body)

    async def _answer(self, operation: Operation, arrived: DoorCall) -> web.StreamResponse:
        """Answer what a path asks for.

        Raises:
            Refused: it is not answered.
        """
        if operation.kind is OperationKind.REFUSED:
            raise Refused(operation.status, "not_supported", operation.reason)
        if operation.kind is OperationKind.FREE:
            return _send(self._answer_free(operation, arrived))
        return await self._answer_call(operation, arrived)

    async def _answer_call(self, operation: Operation, arrived: DoorCall) -> web.StreamResponse:
        label = _read_label(arrived)
        if label and not LABEL.fullmatch(label):
            why = f"{LABEL_HEADER}: expected letters, digits, dots, dashes and underscores"
            raise Refused(_BAD_CALL, "bad_label", f"{why}, up to 60")
        counted = self._counter.count(operation, arrived.body)
        call, limit = counted.call, self._counter.find_limit(counted)
        answers = tuple(self._make_answer(counted, limit) for _ in range(call.choices))
        number, tokens = len(self.calls) + self.unrecorded + 1, counted.prompt_tokens
        said = Said(number, call.model, answers, tokens, _find_logprobs(call))
        self.odd.update({each.problem for each in answers if each.problem})
        self._record(operation, arrived, call, said.answer_tokens)
        if not call.is_streamed:
            return _send(write_json(write_whole(call, said)))
        answer = ClientAnswer(arrived, headers=_STREAM)
        await answer.begin()
        for event in write_stream(call, said):
            await answer.write(event)
        return await answer.end()

    def _record(
        self, operation: Operation, arrived: DoorCall, call: ClientCall, answer_tokens: int
    ) -> None:
        body = self.bodies.keep(arrived.body)
        if body is None:
            self.unrecorded += 1
            return
        self.calls.append(
            RecordedCall(
                provider=operation.provider,
                api=call.api,
                model=call.model,
                label=_read_label(arrived),
                body=body,
                streamed=call.is_streamed,
                answer_tokens=answer_tokens,
                is_measured=False,
            )
        )

    def _make_answer(self, counted: CountedCall, limit: int) -> Placeholder:
        """Return the next answer to a call; asked for the same again, it has other words."""
        call = counted.call
        asked = hashlib.sha256(call.sent).digest()
        self._seen[asked] += 1
        reply = self._find_reply(counted)
        return make_placeholder(
            call,
            self.tokens,
            limit,
            counted.model.tokenizer.count_text,
            seed=asked + self._seen[asked].to_bytes(4, "big"),
            reply=reply.text if reply else None,
            tool_name=reply.tool if reply else None,
        )

    def _find_reply(self, counted: CountedCall) -> Reply | None:
        """Return the user's own answer to a call; None without one."""
        call, replies = counted.call, self.options.replies
        if replies is None:
            return None
        last = call.messages[-1].content if call.messages else ""
        return replies.find(counted.provider, call.model, last, find_asked(call).tools)

    def _answer_free(self, operation: Operation, arrived: DoorCall) -> str:
        """Return what is asked for without a charge.

        Raises:
            Refused: the prompt to count cannot be read, or its model is not known.
        """
        if operation.method == "GET":
            ids = self.options.book.model_ids(operation.provider)
            return write_json(list_models(operation, ids))
        body = parse_quietly(arrived.body)
        given = find_counted(operation.api, body if isinstance(body, dict) else {})
        counted = self._counter.count(operation, write_json(given).encode())
        return write_json(write_count(operation.api, counted.prompt_tokens))


def _find_logprobs(call: ClientCall) -> int | None:
    """Return how many likely tokens a call wants for each one; None for no log-probabilities."""
    if call.body.get("logprobs") is not True:
        return None
    asked = call.body.get("top_logprobs")
    return asked if isinstance(asked, int) else 0


def _read_label(arrived: DoorCall) -> str:
    return arrived.headers.get(LABEL_HEADER, "")


def _send(body: str) -> web.Response:
    return web.Response(body=body.encode(), content_type="application/json")
