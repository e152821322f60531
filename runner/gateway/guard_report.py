"""What a guarded program's calls came to, read from its ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pricing.money import Money
from runner.approval import Approval
from runner.gateway.guard_folder import GuardFolder
from runner.gateway.refused_calls import count_refused
from runner.ledger import AnsweredCall, Balance, ExecutionEnd, is_running, read_ledger

REPORT_SCHEMA = "afcost.guard-report/1"


@dataclass(frozen=True, slots=True)
class CallSums:
    """What the answered calls of one stage and model came to; tokens as they were billed.

    Attributes:
        stage, model: of them.
        calls: how many.
        input_tokens: of prompts, cached ones too.
        cached_tokens: the part of them that was read from a cache.
        output_tokens: with the reasoning.
        reasoning_tokens: the part of them that is hidden.
        counted_tokens: of prompts, as counted here.
        cost: settled.
    """

    stage: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    counted_tokens: int = 0
    cost: Money = Money()  # noqa: RUF009 - frozen

    def plus(self, call: AnsweredCall) -> CallSums:
        """Return the sums with one more call."""
        answer = call.answer
        return CallSums(
            self.stage,
            self.model,
            self.calls + 1,
            self.input_tokens + answer.prompt_tokens,
            self.cached_tokens + answer.cache_read,
            self.output_tokens + answer.output,
            self.reasoning_tokens + answer.hidden,
            self.counted_tokens + call.attempt.counted,
            self.cost + call.settled,
        )


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What a guarded program's calls came to.

    Attributes:
        folder: of the program.
        balance: of its ledger.
        approvals: of its caps, the newest last.
        end: how its last start ended.
        is_running: it runs now.
        sums: of its answered calls, the most expensive first.
        held: for how many calls money is held.
        released: how many attempts were not sent or not billed.
        refused: how many calls of the last start a cap refused.
    """

    folder: GuardFolder
    balance: Balance
    approvals: tuple[Approval, ...]
    end: ExecutionEnd
    is_running: bool
    sums: tuple[CallSums, ...]
    held: int
    released: int
    refused: int

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON; money is in US dollars, as decimal strings."""
        balance, newest = self.balance, self.approvals[-1]
        return {
            "schema": REPORT_SCHEMA,
            "command": list(self.folder.command),
            "approval": {
                "cap_usd": balance.cap.to_decimal_string(),
                "by": newest.by,
                "at": newest.at.isoformat(),
            },
            "outcome": "running" if self.is_running else self.end.how or "interrupted",
            "reason": self.end.reason,
            "spent_usd": balance.settled.to_decimal_string(),
            "held_usd": balance.held.to_decimal_string(),
            "reserved_usd": (balance.reserved + balance.aside).to_decimal_string(),
            "remaining_usd": balance.free.to_decimal_string(),
            "attempts": {
                "settled": sum(each.calls for each in self.sums),
                "held": self.held,
                "released": self.released,
            },
            "refused_at_cap": self.refused,
            "strata": [_sums_to_json(each) for each in self.sums],
        }


def build_guard_report(folder: GuardFolder) -> GuardReport:
    """Read what a program's calls came to.

    Raises:
        LedgerError: its ledger cannot be read.
    """
    location = folder.ledger_location
    with read_ledger(location) as reader:
        sums = _sum_calls(reader.answered_calls())
        return GuardReport(
            folder,
            reader.balance(),
            tuple(reader.approvals()),
            reader.end(),
            is_running(location),
            tuple(sorted(sums, key=lambda each: each.cost, reverse=True)),
            len(reader.held_amounts()),
            sum(entry.kind == "release" for entry in reader.entries()),
            count_refused(folder.path),
        )


def _sum_calls(calls: Iterable[AnsweredCall]) -> list[CallSums]:
    sums: dict[tuple[str, str], CallSums] = {}
    for call in calls:
        key = (call.attempt.stage, call.attempt.model)
        sums[key] = sums.get(key, CallSums(*key)).plus(call)
    return list(sums.values())


def _sums_to_json(sums: CallSums) -> dict[str, Any]:
    provider, _, model = sums.model.partition("/")
    return {
        "stage": sums.stage,
        "provider": provider,
        "model": model,
        "calls": sums.calls,
        "counted_tokens": sums.counted_tokens,
        "input_tokens": sums.input_tokens,
        "cached_tokens": sums.cached_tokens,
        "output_tokens": sums.output_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost_usd": sums.cost.to_decimal_string(),
    }
