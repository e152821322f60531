"""What a program's answered calls came to, and what was planned for them."""

from runner.gateway.sums.call_sums import CallSums
from runner.gateway.sums.planned_calls import PlannedCalls, compare_calls

__all__ = ["CallSums", "PlannedCalls", "compare_calls"]
