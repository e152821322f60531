"""What an answer says and costs, and what its usage tells of that."""

from dataclasses import astuple, replace
from decimal import Decimal

from tests.support.provider.answers import (
    ANSWERS,
    JUDGES_FIELD,
    REFUSAL,
    accept,
    judge,
    reject,
    words,
)
from tests.support.provider.api_formats import Asked, Said
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.bill import Charge
from tests.support.provider.caching.prefix_cache import Cached
from tests.support.provider.shapes.drawing import Drawn

NOTHING_CACHED = Cached()


def compose(
    behaviour: Behaviour,
    call: int,
    asked: Asked,
    input_tokens: int,
    fault: Fault | None,
    drawn: Drawn,
    cached: Cached = NOTHING_CACHED,
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
    reply = behaviour.find_reply(asked.prompt)
    return ANSWERS[behaviour.answer](asked.prompt) if reply is None else reply


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
