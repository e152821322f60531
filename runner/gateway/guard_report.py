"""What a guarded program's calls came to, read from its ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from estimator.recorded import ProgramPlan, read_program_plan
from runner.approval import Approval
from runner.gateway.guard_folder import GuardFolder
from runner.gateway.sums import CallSums, PlannedCalls, compare_calls
from runner.ledger import AnsweredCall, Balance, ExecutionEnd, is_running, read_ledger

REPORT_SCHEMA = "afcost.guard-report/1"


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
        plan: under which it was started; None without one.
        planned: that plan beside what came of it, the total last; empty without one.
    """

    folder: GuardFolder
    balance: Balance
    approvals: tuple[Approval, ...]
    end: ExecutionEnd
    is_running: bool
    sums: tuple[CallSums, ...]
    held: int
    released: int
    plan: ProgramPlan | None = None
    planned: tuple[PlannedCalls, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON; money is in US dollars, as decimal strings."""
        balance, newest = self.balance, self.approvals[-1]
        planned: dict[str, Any] = {}
        if self.plan is not None:
            planned = {
                "plan": {"digest": self.plan.digest, "is_partial": bool(self.plan.problems)},
                "planned": [each.to_json() for each in self.planned],
            }
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
            "strata": [each.to_json() for each in self.sums],
            **planned,
        }


def build_guard_report(folder: GuardFolder) -> GuardReport:
    """Read what a program's calls came to.

    Raises:
        LedgerError: its ledger cannot be read.
        BadPlan: the copy of its plan is damaged.
    """
    location = folder.ledger_location
    plan = read_program_plan(folder.plan_path) if folder.plan_path.exists() else None
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
            plan,
            tuple(compare_calls(plan, sums)) if plan else (),
        )


def _sum_calls(calls: Iterable[AnsweredCall]) -> list[CallSums]:
    sums: dict[tuple[str, str], CallSums] = {}
    for call in calls:
        key = (call.attempt.stage, call.attempt.model)
        sums[key] = sums.get(key, CallSums(*key)).plus(call)
    return list(sums.values())
