"""What an evaluation's options name, and which of them a cap refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.errors import BadRun
from runner.inspected import InspectOptions, find_asked_models, find_evaluation


def names(*arguments, **environment):
    return [f"{each.provider}/{each.model}" for each in find_asked_models(arguments, environment)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("t.py", "--model", "openai/gpt-6-luna"), ["openai/gpt-6-luna"]),
        (("t.py", "--model=a/b,c/d"), ["a/b", "c/d"]),
        (("t.py", "--model", "openai-api/deepseek/deepseek-chat"), ["deepseek/deepseek-chat"]),
        (("t.py", "--model", "grok/grok-4"), ["x-ai/grok-4"]),
        (("t.py", "--model", "mockllm/model"), []),
        (("t.py", "--model-role", "grader=a/b"), ["a/b"]),
        (("t.py", "--model-role", "grader={model: a/b, temperature: 0}"), ["a/b"]),
        (("t.py", "--model-role", 'grader=[{"model": "a/b"}, "c/d"]'), ["a/b", "c/d"]),
        (("t.py",), []),
    ],
)
def test_models_of_the_options_are_found(arguments, expected):
    assert names(*arguments) == expected


def test_a_model_of_the_environment_counts_where_no_option_names_one():
    assert names("t.py", INSPECT_EVAL_MODEL="a/b") == ["a/b"]
    assert names("t.py", "--model", "c/d", INSPECT_EVAL_MODEL="a/b") == ["c/d"]


@pytest.mark.parametrize(
    "option", ["--batch", "--model-base-url=http://x", "--log-dir", "--score-on-error", "--sandbox"]
)
def test_what_a_cap_cannot_hold_for_is_refused_by_its_name(option):
    with pytest.raises(BadRun, match=option.partition("=")[0]):
        InspectOptions(("t.py", option, "x"), "python").check()


def test_a_sandbox_is_passed_on_where_it_is_allowed():
    InspectOptions(("t.py", "--sandbox", "docker"), "python", allow_sandbox=True).check()


def test_a_retry_takes_what_it_can_of_the_options():
    asked = InspectOptions(("t.py", "-T", "a=b", "--max-samples", "3", "--tags=x"), "python")
    assert asked.list_eval_options(Path("logs")) == [
        *("--no-fail-on-error", "--log-dir", "logs", "--max-retries", "10", "--tags", "x,afcost")
    ]
    assert asked.list_retry_options(Path("logs")) == [
        *("--no-fail-on-error", "--log-dir", "logs", "--max-retries", "10", "--max-samples", "3")
    ]


def test_an_evaluation_is_named_as_its_user_wrote_it():
    asked = InspectOptions(("arc.py", "--model", "a/b"), "bin/python", allow_sandbox=True)
    words = ("arc.py", "--model", "a/b", "--allow-sandbox", "--python", "bin/python")
    assert asked.command == ("afcost", "inspect", "run", *words)
    assert find_evaluation(asked.command) == words
    assert InspectOptions(("arc.py",), sys.executable).command[3:] == ("arc.py",)
    for other in ((), ("afcost",), ("inspect", "eval", "arc.py"), ("python", "arc.py")):
        assert find_evaluation(other) is None
