"""A tool is known by its command, or by its calls."""

import pytest

from runner.gateway.tools import find_tool, find_tool_of_call


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ("npx promptfoo@latest eval -c promptfooconfig.yaml", "promptfoo"),
        ("uv run lm_eval --model local-chat-completions", "lm-eval"),
        ("python -m lm_eval --tasks gsm8k", "lm-eval"),
        ("/venv/bin/inspect eval task.py", "inspect"),
        ("python inspect_answers.py", ""),
    ],
)
def test_a_command_names_its_tool(command, tool):
    assert find_tool(command.split()) == tool


def test_the_line_of_a_shell_names_its_tool():
    line = "lm_eval --model_args base_url=$OPENAI_BASE_URL/chat/completions"
    assert find_tool(["sh", "-c", line]) == "lm-eval"
    assert find_tool(["/bin/bash", "-ec", f"/venv/bin/{line}"]) == "lm-eval"
    assert find_tool(["python", "study.py", "compare lm_eval with us"]) == ""


def test_a_call_may_name_its_tool():
    assert find_tool_of_call({"x-irid": "a1"}) == "inspect"
    assert find_tool_of_call({"User-Agent": "promptfoo/0.121"}) == "promptfoo"
    assert find_tool_of_call({"User-Agent": "node"}) == ""
