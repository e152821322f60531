"""Inspect AI with `cost_limit`, which holds for one sample each.

    python inspect_limit.py URL SETTING

Two readings of one cap, by `setting["way"]`: `samples`, where every request is a sample and the
cap is divided among them; `sample`, where one sample asks all at once under the whole cap. When it
finds a log of an earlier process, it retries that as `inspect eval-retry` does. Answers are counted
generously: every model call that the last log has with an output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval, eval_retry, task  # noqa: A004 - Inspect's own name
from inspect_ai.dataset import Sample
from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_samples
from inspect_ai.model import ModelCost, ModelInfo, get_model, set_model_info
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
from inspect_ai.util import collect

SERVICE = "openai-api/lab"


def main(url: str, setting: dict[str, Any]) -> None:
    os.environ["LAB_API_KEY"] = "none"
    shared = {"max_samples": setting["concurrency"], "max_connections": setting["concurrency"]}
    earlier = list_eval_logs("logs")
    if earlier:
        eval_retry(earlier, log_dir="logs", display="none", **shared)
    else:
        _start(url, setting, shared)
    Path("answers.jsonl").write_text("1\n" * _answers())


def _start(url: str, setting: dict[str, Any], shared: dict[str, Any]) -> None:
    divided = len(setting["numbers"]) if setting["way"] == "samples" else 1
    eval(
        f"{__file__}@{setting['way']}",
        model=f"{SERVICE}/{setting['model']}",
        model_base_url=f"{url}/v1",
        task_args={"setting": json.dumps(setting)},
        cost_limit=float(setting["cap"]) / divided,
        max_tokens=setting["max_tokens"],
        log_dir="logs",
        display="none",
        **shared,
    )


@task
def samples(setting: str) -> Task:
    return Task(dataset=[Sample(text) for text in _prompts(setting)], solver=generate())


@task
def sample(setting: str) -> Task:
    return Task(dataset=[Sample("Ask them all.")], solver=all_at_once(_prompts(setting)))


@solver
def all_at_once(prompts: list[str]) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        model = get_model()
        answers = await collect(*(model.generate(text) for text in prompts))
        state.metadata["answers"] = [answer.completion for answer in answers]
        return state

    return solve


def _prompts(text: str) -> list[str]:
    """Read the setting and register its price."""
    setting = json.loads(text)
    if setting["priced"]:
        cost = ModelCost(
            input=setting["input_price"],
            output=setting["output_price"],
            input_cache_write=setting["input_price"],
            input_cache_read=setting["input_price"],
        )
        set_model_info(f"{SERVICE}/{setting['model']}", ModelInfo(cost=cost))
    return [setting["prompt"].format(number) for number in setting["numbers"]]


def _answers() -> int:
    """Count calls with an output in the newest log, or what is left of it."""
    newest = max(list_eval_logs("logs"), key=lambda info: info.mtime or 0)
    print(read_eval_log(newest, header_only=True).status)
    found = read_eval_log_samples(newest, all_samples_required=False)
    return sum(
        event.event == "model" and not event.error and bool(event.output.completion)
        for each in found
        for event in each.events
    )


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
