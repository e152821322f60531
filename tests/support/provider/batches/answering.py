"""How a batch's line is answered, and billed: as the call that it stands for.

Faults of calls strike lines by their numbers in the till. Those that are not billed, and all by
which no answer would have come, make a line that failed. The latter are billed, as calls are, but
in Anthropic's form: only Anthropic says that lines that failed are not. `malformed` breaks the line
off; the others lie in its usage as they do in a call's.
"""

import dataclasses
from typing import get_args

from tests.support.provider.api_formats import (
    STATUS,
    Anthropic,
    Asked,
    OpenAI,
    Refusal,
    RequestRefusedError,
    Wire,
)
from tests.support.provider.batches.job import Done, Job, Json, Line
from tests.support.provider.behaviour import UNBILLED, Behaviour, Fault, prompt_key
from tests.support.provider.bill import BilledCall, Till
from tests.support.provider.lies import tell
from tests.support.provider.newer_formats import Google, Responses
from tests.support.provider.refused_answers import SHAPED, shape_answer
from tests.support.provider.saying import compose
from tests.support.provider.shapes.bodies import give_shape

_FAILS_BILLED = {"500_after", "cut_after", "cut_body", "cut_stream", "stall"}
_FAILED = "The server had an error while processing your request."


def find_wire(path: str) -> Wire:
    """Return the form of the calls that go to a path."""
    ends: dict[str, Wire] = {
        "/chat/completions": OpenAI(),
        "/responses": Responses(),
        "/messages": Anthropic(),
    }
    return next((wire for end, wire in ends.items() if path.endswith(end)), Google())


def read_line(line: Line) -> Asked:
    """Read a line as the call that it stands for; raises RequestRefusedError.

    What Anthropic takes in calls alone, it refuses here: streams, and answers of no tokens.
    """
    if line.path.endswith("/messages"):
        if line.body.get("stream"):
            raise RequestRefusedError("stream: streaming is not supported in batches")
        if line.body.get("max_tokens") == 0:
            raise RequestRefusedError("max_tokens: must be at least 1 in batches")
    return find_wire(line.path).read(line.body)


def count_tokens(behaviour: Behaviour, line: Line) -> int:
    """Return what a line's input is billed; 0 where it is refused."""
    try:
        asked = read_line(line)
    except RequestRefusedError:
        return 0
    return behaviour.input_for(asked.messages, asked.model) or 0


def answer_line(behaviour: Behaviour, till: Till, job: Job, line: Line) -> Done:
    """Do one line, and enter it in the till under its own model: not all forms have one for all."""
    call, model = till.arrived + 1, str(line.body.get("model", job.draft.model))
    entry = BilledCall(call, line.path, model, 0.0, batch=job.id, custom_id=line.custom_id)
    wire = find_wire(line.path)
    try:
        asked = read_line(line)
    except RequestRefusedError as error:
        till.enter_line(entry, None)
        return _fail(wire, call, line, "400", str(error))
    fault = behaviour.fault(call, asked.model)
    kind = fault.kind if fault else ""
    known: Json = {"prompt": prompt_key(asked.messages), "fault": kind or None}
    tokens = behaviour.input_for(asked.messages, asked.model)
    if _fails_by_its_batch(job) or tokens is None or kind in UNBILLED:
        till.enter_line(entry, None, **known)
        return _fail(wire, call, line, *_explain(fault))
    drawn = behaviour.draw(asked.messages, asked.model)
    said = compose(behaviour, call, asked, tokens, fault, drawn)
    is_free = kind in _FAILS_BILLED and job.form == "anthropic"
    known |= {"shape": drawn.shape, "complies": drawn.complies}
    till.enter_line(entry, None if is_free else said.charge, **known)
    if kind in _FAILS_BILLED:
        return _fail(wire, call, line, "500", _FAILED)
    body = wire.answer(call, asked, said)
    give_shape(body, drawn)
    return _finish(behaviour, Done(line, "succeeded", 200, body, call), fault)


def _fails_by_its_batch(job: Job) -> bool:
    """Say whether the next line is one of those that fail by a fault of its batch: the first."""
    if "all_failed" in job.faults:
        return True
    fault = job.faults.get("some_failed")
    return fault is not None and len(job.done) < fault.count(len(job.draft.lines))


def _finish(behaviour: Behaviour, done: Done, fault: Fault | None) -> Done:
    """Let a fault change an answer that is billed."""
    kind = fault.kind if fault else ""
    if kind in SHAPED:
        shape_answer(done.body, kind)
    tell(behaviour.lie, done.body)
    if kind == "no_usage":
        del done.body["usage" if "usage" in done.body else "usageMetadata"]
    broken = kind == "malformed"
    readable = not broken and kind != "no_usage"
    return dataclasses.replace(done, is_readable=readable, breaks_off=broken)


def _explain(fault: Fault | None) -> tuple[Refusal, str]:
    kind = fault.kind if fault else ""
    refusal: Refusal = kind if kind in get_args(Refusal) else "500"  # type: ignore[assignment]
    return refusal, "Refused." if refusal != "500" else _FAILED


def _fail(wire: Wire, call: int, line: Line, refusal: Refusal, message: str) -> Done:
    error = wire.error(call, refusal, message)
    return Done(line, "errored", STATUS[refusal], error, call)
