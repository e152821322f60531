"""Reading a batch's results from disk, one at a time: what a call's response is, they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from experiment.prompts import Request
from providers.batches.apis import ResultLine
from providers.error_body import holds_generation
from providers.errors import MalformedResponse
from providers.failures import Billed, describe_unreadable
from providers.secrets import redact_message
from runner.transport.batches.batch_outcomes import BadLine, LineResult
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.sender import (
    BodyTooLargeError,
    check_brackets,
    classify_body,
    clean_outcome,
    max_body_bytes,
    shorten_failure,
)

_MOST_LINE = 65 * 2**20  # bytes; more than the largest answer has with what is around it
_OK = 200

FindRequest = Callable[[str], Request | None]


def read_results(
    way: BatchRoute, path: Path, find_request: FindRequest
) -> Iterator[LineResult | BadLine]:
    """Read results in the order of the file, also repeated ones; see `BatchTransport`."""
    with path.open("rb") as file:
        for number, line in _list_lines(file):
            if line is None:
                yield BadLine(number, f"it is longer than {_MOST_LINE / 2**20:,.0f} MiB")
            elif line.strip():
                yield _read_line(way, number, line, find_request)


def _list_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Return the lines of a file with their numbers; None for one that is too long to be held."""
    number = 0
    while line := file.readline(_MOST_LINE):
        number += 1
        if len(line) < _MOST_LINE or line.endswith(b"\n"):
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(_MOST_LINE)
        yield number, None


def _read_line(
    way: BatchRoute, number: int, line: bytes, find_request: FindRequest
) -> LineResult | BadLine:
    try:
        parsed = way.api.parse_line(line)
    except MalformedResponse as error:
        return BadLine(number, redact_message(str(error)))
    if not parsed.custom_id:
        return BadLine(number, "it has no custom id")
    request = find_request(parsed.custom_id)
    if request is None:
        return BadLine(number, "its custom id is of no line of this batch", parsed.custom_id)
    if parsed.end is not None:
        return LineResult(parsed.custom_id, parsed.end)
    return LineResult(parsed.custom_id, _judge_line(way, parsed, request))


def _judge_line(way: BatchRoute, line: ResultLine, request: Request) -> Outcome:
    """Return what became of a line's money, as of a call with such a response."""
    if len(line.body) > max_body_bytes(request):
        return Unknown(describe_unreadable("the answer is larger than max_tokens can explain"))
    try:
        check_brackets(line.body, request)
    except BodyTooLargeError as error:
        return Unknown(describe_unreadable(str(error)))
    route = way.route
    outcome = classify_body(way.provider, route.api, route.key, line.status, {}, line.body)
    outcome = _free_failed(way, line, outcome)
    return shorten_failure(clean_outcome(outcome, request, (), None))


def _free_failed(way: BatchRoute, line: ResultLine, outcome: Outcome) -> Outcome:
    """Return a line that failed as not billed, where its provider documents that."""
    is_documented = bool(way.limits.free) and line.status != _OK
    if not is_documented or isinstance(outcome, Answered) or holds_generation(line.body):
        return outcome
    return NotBilled(replace(outcome.failure, billed=Billed.NO, source=way.limits.free))
