"""A program and an evaluation of Inspect are started with their plans, each by its own command."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest

from afcost.commands.running.inspect.evaluation import name_evaluation, read_plan
from afcost.guard_plan import find_cap, warn_of_other_command
from afcost.rendering.estimate.program_view import name_start
from estimator.forecast import CostRange
from estimator.recorded import ProgramPlan, copy_program_plan
from pricing.money import Money
from runner.gateway import GuardFolder
from runner.inspected import InspectOptions

PROGRAM = ("python", "my study.py")
EVALUATION = ("afcost", "inspect", "run", "arc.py", "--model", "a/b", "-T", "x=a b")
TOTAL = CostRange(0.1, 0.2, 0.3, 0.4, Money.from_usd("0.5"))


def plan_of(command: tuple[str, ...]) -> ProgramPlan:
    return ProgramPlan(
        *("arc", command, "", None, (), {}, (), (), {}, TOTAL),
        assumptions=(),
        warnings=(),
        problems=(),
    )


def test_each_is_started_by_the_line_that_an_approval_shows():
    path, place = Path("plan.json"), Path("some where")
    program = "afcost guard plan.json -- python 'my study.py'"
    assert name_start(plan_of(PROGRAM), path, None) == program
    evaluation = "afcost inspect run arc.py --plan plan.json"
    assert name_start(plan_of(EVALUATION), path, None) == f"{evaluation} --model a/b -T 'x=a b'"
    options = "--run-dir 'some where' --model a/b -T 'x=a b'"
    assert name_start(plan_of(EVALUATION), path, place) == f"{evaluation} {options}"


def test_a_plan_of_the_other_kind_is_refused_with_the_command_for_it(tmp_path):
    path = tmp_path / "plan.json"
    asked = InspectOptions(EVALUATION[3:], python="python")
    copy_program_plan(plan_of(PROGRAM), path)
    with pytest.raises(click.UsageError, match=r"afcost guard .*plan\.json -- COMMAND"):
        read_plan(path, asked)
    with pytest.raises(click.UsageError, match=r"afcost inspect run TASK --plan plan\.json"):
        warn_of_other_command(
            Path("plan.json"), plan_of(EVALUATION), GuardFolder(tmp_path, "x", PROGRAM)
        )


def test_a_plan_of_another_evaluation_is_said_to_be_one_whatever_the_order(tmp_path, capsys):
    path = tmp_path / "plan.json"
    copy_program_plan(plan_of(EVALUATION), path)
    read_plan(path, InspectOptions(("arc.py", "-T", "x=a b", "--model", "a/b"), sys.executable))
    assert not capsys.readouterr().err
    read_plan(path, InspectOptions(("other.py",), sys.executable))
    assert "the plan is of another evaluation" in capsys.readouterr().err


def test_a_start_needs_a_cap_or_a_plan():
    with pytest.raises(click.UsageError, match="expected --cap USD, or --plan FILE"):
        find_cap(None, None, "--plan FILE")


@pytest.mark.parametrize(
    ("task", "name"),
    [("evals/arc.py", "arc"), ("arc.py@easy one", "arc"), ("inspect_evals/gsm8k", "gsm8k"),
     ("...", "inspect")],
)  # fmt: skip
def test_an_evaluation_has_the_name_of_its_task(task, name):
    assert name_evaluation(task) == name
