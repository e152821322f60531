"""What is missing of an evaluation is told once for each reason, and adds up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console

from afcost.rendering.running.inspect_view import show_evaluation
from runner.gateway.spending import CallTally
from runner.inspected import EvaluationEnd, TaskEnd

AT_CAP = "afcost: cap of $1.00 reached: ${} spent, and this call may cost $0.05"


def show(missing, **tally):
    task = TaskEnd(Path("a.eval"), "t", "m", "success", len(missing), 0, tuple(missing), {})
    console = Console(width=200)
    told = SimpleNamespace(tally=CallTally(**tally), end=SimpleNamespace(problem=""))
    with console.capture() as said:
        show_evaluation(console, EvaluationEnd((task,)), told)
    return said.get()


def test_reasons_that_differ_by_amounts_are_one():
    said = show([AT_CAP.format(n / 100) for n in range(90, 99)])
    assert f"9 missing: {AT_CAP.format(0.98)}" in said
    assert said.count("missing:") == 1


def test_what_is_left_out_is_counted():
    said = show([f"error {name}" for name in "aabbccde"])
    assert "2 missing: for other reasons" in said


def test_a_call_refused_at_the_cap_needs_a_higher_one():
    assert "again with a higher --cap" in show(["refused"], at_cap=Counter({"--cap": 1}))
