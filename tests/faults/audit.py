"""The audit of a campaign: the provider's own account against the ledger, call by call.

A call is known on both sides by its prompt, which no two requests share save the votes of one
judge, and an answer by the number that the provider gave it.

- No breach: what was billed is within the cap, and so is what the ledger counts against it.
- Nothing unaccounted: the bill is at most what is settled and held, and nothing stays reserved.
- No lost answer: what the provider handed over to a run that lived is stored, and stays stored.
- Nothing paid twice: a request with a stored answer is not sent again, and nothing is sent that the
  ledger does not know. A refusal is an answer, and a filter's error is stored as one. What the
  provider broke off is stored too, and may be asked for again.
- No answer unjudged: once all is done, each has the verdicts of all judges that read it.
- No idle money: where a run ends at the cap, what is left does not pay for another job.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from experiment.definition import SUBJECT
from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.prompts.request import Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.scoring.completion import Completion
from pricing.money import Money
from runner.execution.scheduler import StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from runner.ledger.records import Entry, StoredAnswer
from tests.faults.campaign_setup import INPUT, OUTPUT, Planned
from tests.faults.launcher import Ended
from tests.support.provider.behaviour import Fault, prompt_key
from tests.support.provider.bill import Bill, BilledCall

KILLED = "the process ended before the answer was stored"
TOO_LATE = "no answer within"
NO_OTHER_JOB = "the next job may cost"
FINAL = {StopReason.COMPLETE, StopReason.CAP, StopReason.FAILED, StopReason.STOPPED}
BOOKED_IN_FULL = ("over_max", "inflated_prompt")  # beyond what was reserved
BEYOND = Fault("over_max").beyond
BROKE_OFF = "error"  # the finish of what is stored and is no answer
_LARGER = 1.1  # a job, than the mean one


@dataclass(frozen=True)
class Books:
    """What a ledger says.

    Attributes:
        settled, held, open: money that is billed, held, and reserved or set aside.
        cap: as approved.
        requests: attempt -> its request, of those that were sent.
        answers: attempt -> the number that the provider gave its answer; errors have none.
        choices: attempt -> which of several answers to one request its own is, from 0.
        texts: attempt -> the text of its answer, or of its refusal.
        completions: attempt -> all of what came back.
        holds: how many attempts' money is held.
        released: when each attempt was reserved whose money was released, in seconds.
        subjects: the numbers of the answers that are not judges'.
        story: (kind, attempt, note) of each entry of an attempt, in order.
        flaw: what is wrong with its chain.
    """

    settled: Money
    held: Money
    open: Money
    cap: Money
    requests: dict[str, str]
    answers: dict[str, int]
    choices: dict[str, int]
    texts: dict[str, str]
    completions: dict[str, Completion]
    holds: int
    released: tuple[float, ...]
    subjects: frozenset[int]
    story: tuple[tuple[str, str, str], ...]
    flaw: str

    @classmethod
    def read(cls, path: Path) -> Books:
        """Read a ledger's file."""
        with read_ledger(FileLocation(path)) as reader:
            now = reader.balance()
            requests = {
                each.attempt.id: each.attempt.request for job in reader.jobs() for each in job
            }
            calls = list(reader.answered_calls())
            answers = {call.attempt.id: call.answer for call in calls}
            numbers = {
                attempt: int(answer.provider_id.removeprefix("chatcmpl-"))
                for attempt, answer in answers.items()
                if answer.provider_id
            }
            stages = {call.attempt.id: call.attempt.stage for call in calls}
            return cls(
                settled=now.settled,
                held=now.held,
                open=now.reserved + now.aside,
                cap=now.cap,
                requests=requests,
                answers=numbers,
                choices={name: _read_choice(answer) for name, answer in answers.items()},
                texts={attempt: a.text + a.refusal for attempt, a in answers.items()},
                completions={attempt: a.completion for attempt, a in answers.items()},
                holds=sum(entry.kind == "hold" for entry in reader.entries()),
                released=_find_released(reader.entries()),
                subjects=frozenset(
                    number for attempt, number in numbers.items() if stages[attempt] == SUBJECT
                ),
                story=tuple(
                    (entry.kind, entry.attempt, entry.note)
                    for entry in reader.entries()
                    if entry.attempt is not None
                ),
                flaw=reader.find_tampering() or "",
            )

    def noted(self, *beginnings: str) -> list[str]:
        """Return the attempts whose money is held with such a note."""
        return [attempt for _, attempt, note in self.story if note.startswith(beginnings)]


def _read_choice(answer: StoredAnswer) -> int:
    return int(json.loads(answer.usage or "{}").get("choice", 0))


def _find_released(entries: Iterable[Entry]) -> tuple[float, ...]:
    times: dict[str, float] = {}
    released = []
    for entry in entries:
        if entry.kind == "reserve" and entry.attempt:
            times[entry.attempt] = datetime.fromisoformat(entry.at).timestamp()
        if entry.kind == "release" and entry.attempt:
            released.append(times[entry.attempt])
    return tuple(released)


def price(call: BilledCall) -> Money:
    """Return what the provider charged for a call."""
    return Money(call.billed * (call.input_tokens * INPUT + call.output_tokens * OUTPUT))


def bill_of(bill: Bill) -> Money:
    """Return what the provider charged in all."""
    return sum(map(price, bill.calls), Money())


def allowance(bill: Bill) -> Money:
    """Return by how much a bill may be above the cap: nothing, where the provider keeps its word.

    What exceeds `max_tokens` is billed before anybody can know it.
    """
    return Money(sum(BEYOND * OUTPUT for call in bill.billed if call.fault == "over_max"))


def audit(planned: Planned, bill: Bill, books: Books, runs: Sequence[Ended]) -> list[str]:
    """Return every promise that was broken, in words."""
    return [
        *_money(planned, bill, books),
        *_answers(planned, bill, books),
        *_ends(runs[-1]),
        *_unjudged(planned, books, runs[-1]),
        *_idle(planned, bill, books, runs[-1]),
    ]


def vanished(before: Books, after: Books) -> list[str]:
    """Name the answers that were stored and are not, or not the same."""
    return [
        f"LOST: the answer of attempt {attempt} was stored and is not any more"
        for attempt, text in before.texts.items()
        if after.texts.get(attempt) != text
    ]


def _money(planned: Planned, bill: Bill, books: Books) -> Iterator[str]:
    billed, allowed = bill_of(bill), allowance(bill)
    booked, most = books.settled + books.held, planned.cap
    if billed > most + allowed:
        yield f"BREACH: billed {billed.to_decimal_string()}, the cap is {most.to_decimal_string()}"
    if billed > booked + allowed:
        yield (
            f"UNBOOKED: billed {billed.to_decimal_string()}, settled and held "
            f"{booked.to_decimal_string()}"
        )
    if booked > most and not any(call.fault in BOOKED_IN_FULL for call in bill.calls):
        yield (
            f"OVERBOOKED: settled and held {booked.to_decimal_string()}, the cap is "
            f"{most.to_decimal_string()}"
        )
    if books.open:
        yield f"STUCK: {books.open.to_decimal_string()} is still reserved or set aside"
    if books.flaw:
        yield f"CHAIN: {books.flaw}"


def _answers(planned: Planned, bill: Bill, books: Books) -> Iterator[str]:
    prompts = _prompts(planned, books)
    yield from _paid_twice(books)
    yield from _not_theirs(prompts, bill, books)
    yield from _lost(prompts, bill, books)


def _paid_twice(books: Books) -> Iterator[str]:
    answered: set[str] = set()
    for kind, attempt, _ in books.story:
        request = attempt.rpartition(".")[0]  # also of what was never sent
        if kind in ("reserve", "settle") and request in answered:
            yield f"PAID TWICE: {kind} {attempt} after request {request} was answered"
        if kind == "settle" and not _broke_off(books, attempt):
            answered.add(request)


def _broke_off(books: Books, attempt: str) -> bool:
    return attempt in books.completions and books.completions[attempt].finish == BROKE_OFF


def _not_theirs(prompts: dict[str, str], bill: Bill, books: Books) -> Iterator[str]:
    calls = {call.n: call for call in bill.calls}
    for attempt, number in books.answers.items():
        call = calls[number]
        if call.delivered is None or call.prompt != prompts[books.requests[attempt]]:
            yield f"FALSE: attempt {attempt} holds the answer of call {number}, which is not its"
    held = {(number, books.choices[attempt]) for attempt, number in books.answers.items()}
    if len(held) < len(books.answers):
        yield "FALSE: two attempts hold the same answer"


def _lost(prompts: dict[str, str], bill: Bill, books: Books) -> Iterator[str]:
    """Compare by prompt; an answer may be lost only with the run that was killed or lost patience.

    Held for these is the attempt of a request that the provider has had, or would have had.
    """

    def per_prompt(attempts: Iterable[str]) -> Counter[str]:
        return Counter(prompts[books.requests[attempt]] for attempt in attempts)

    known = per_prompt(books.requests)
    kept = per_prompt([*books.answers, *books.noted(KILLED, TOO_LATE)])
    for prompt, calls in Counter(call.prompt for call in bill.calls).items():
        if calls > known[prompt]:
            yield f"UNKNOWN: prompt {prompt[:8]} was sent {calls} times, known are {known[prompt]}"
    for prompt, given in Counter(call.prompt for call in bill.delivered).items():
        if given > kept[prompt]:
            yield f"LOST: prompt {prompt[:8]} was answered {given} times, kept are {kept[prompt]}"


def _ends(last: Ended) -> Iterator[str]:
    if last.end not in FINAL:
        yield f"END: {last.end}: {last.reason}"


def _unjudged(planned: Planned, books: Books, last: Ended) -> Iterator[str]:
    if last.end != StopReason.COMPLETE:
        return
    answered = _answered(books)
    for subject in planned.requests.all_subject_requests():
        for judge in _judges_of(planned.requests, subject, answered):
            if judge.id not in answered:
                yield f"UNJUDGED: {judge.stage} of {subject.id} has no verdict {judge.vote}"


def _idle(planned: Planned, bill: Bill, books: Books, last: Ended) -> Iterator[str]:
    """See that another job did not fit; one whose prompts are said to be longer costs more."""
    if any(call.fault == "inflated_prompt" for call in bill.calls):
        return
    idle = planned.cap - books.settled - books.held
    if (
        last.end == StopReason.CAP
        and last.reason.startswith(NO_OTHER_JOB)
        and idle.pico > planned.job.pico * _LARGER
    ):
        yield (
            f"IDLE: {idle.to_decimal_string()} is left, a job costs "
            f"{planned.job.to_decimal_string()}; {last.reason}"
        )


def _prompts(planned: Planned, books: Books) -> dict[str, str]:
    """Return the key of every request's prompt, judges' of what was answered among them."""
    answered = _answered(books)
    requests, keys = planned.requests, {}
    for subject in requests.all_subject_requests():
        judges = _judges_of(requests, subject, answered)
        for request in (subject, *judges):
            messages = [{"role": role, "content": text} for role, text in request.messages]
            keys[request.id] = prompt_key(messages)
    return keys


def _answered(books: Books) -> dict[str, Completion]:
    return {
        books.requests[attempt]: completion
        for attempt, completion in books.completions.items()
        if completion.finish != BROKE_OFF
    }


def _judges_of(
    requests: RequestBuilder, subject: Request, answered: dict[str, Completion]
) -> list[Request]:
    """Return the requests of the judges that read an answer, or may, by what is answered."""
    if subject.id not in answered:
        return []
    answer = requests.read_subject_answer(subject, answered[subject.id])
    verdicts = KnownVerdicts(answered)
    return list(requests.build_judge_requests(subject, answer, verdicts, foresees=True))
