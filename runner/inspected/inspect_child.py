"""Inspect, as `afcost inspect` runs it: started as a script, by the Python that has inspect_ai.

It imports nothing of afcost, which that Python need not have. Before Inspect's own command line it
arranges, for all models of the evaluation, also those that a task makes by itself:

- a sample begins once the gateway has money for all of its calls, and is refused otherwise;
- each call says which sample it belongs to;
- no client sends a call again by itself, and none is put into a batch;
- a model whose calls would not come to the gateway is not used, nor is a sandbox.

What came of it is written to the file that AFCOST_INSPECT names. In a rehearsal, which costs
nothing, samples begin at once.
"""

from __future__ import annotations

import json
import os
import sys
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import httpx

DOOR = os.environ["AFCOST_GUARD"]
GIVEN: dict[str, Any] = json.loads(os.environ["AFCOST_INSPECT"])
# Providers that read their address from a variable that the gateway sets.
COMES_HERE = {"anthropic", "fireworks", "google", "grok", "groq", "mistral", "openai"} | {
    *("openai-api", "openrouter", "together")
}
OF_CLOUDS = {"azure", "bedrock", "vertex"}  # names that stand before a model's, with own addresses
LOCAL = {"hf", "llama-cpp-python", "mockllm", "nnterp", "none", "ollama", "sglang"} | {
    *("transformer_lens", "vllm")
}
_sample: ContextVar[str] = ContextVar("afcost_sample", default="")


class NotSentError(Exception):
    """A call that is not sent."""


class Samples:
    """The samples, as the gateway admits them."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.kept: list[dict[str, Any]] = []  # that went on after a refusal, and were scored
        self._line: anyio.Lock | None = None

    async def begin(self, data: Any) -> None:  # noqa: ANN401 - Inspect's
        """Wait until a sample may begin; one asks at a time, since they are served in order."""
        self._line = self._line or anyio.Lock()
        async with self._line:
            said = await _tell("begin", data.sample_id, length=_measure(data.summary))
        if not said.get("admitted"):
            self.refused[data.sample_id] = said.get("reason") or "the gateway did not answer"

    async def end(self, data: Any) -> None:  # noqa: ANN401 - Inspect's
        """Say that a sample has ended."""
        reason = self.refused.pop(data.sample_id, "")
        if reason and not data.sample.error:
            self.kept.append({"id": data.sample.id, "epoch": data.sample.epoch})
        await _tell("end", data.sample_id)


def _measure(summary: Any) -> int | None:  # noqa: ANN401 - Inspect's
    """Return how many characters a sample's own texts have; None where that is not known."""
    try:  # a summary has the first few thousand of them
        active = import_module("inspect_ai.log._samples").sample_active()
        sample = active.sample if active else summary
        texts = sample.model_dump_json(include={"input", "choices", "target", "metadata"})
    except Exception:  # noqa: BLE001 - another Inspect has other names, and metadata may be anything
        return None
    return len(texts)


async def _tell(what: str, sample: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    async with httpx.AsyncClient(timeout=None, trust_env=False, verify=False) as client:  # noqa: S113, S501 - this machine, and it waits for money
        try:
            answer = await client.post(
                f"{DOOR}/afcost/samples/{what}", json={"sample": sample, **more}
            )
            said: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return {"reason": f"afcost cannot be reached: {type(error).__name__}"}
    return said


def _add_hooks(samples: Samples, logs: list[Any]) -> None:
    """Have Inspect tell of samples and logs; what raises here changes nothing there."""
    hooks = import_module("inspect_ai.hooks")

    async def begin(_: Any, data: Any) -> None:  # noqa: ANN401
        await samples.begin(data)

    async def remember(_: Any, data: Any) -> None:  # noqa: ANN401
        _sample.set(data.sample_id)  # in the context in which its solvers and scorers run

    async def end(_: Any, data: Any) -> None:  # noqa: ANN401
        await samples.end(data)

    async def take_log(_: Any, data: Any) -> None:  # noqa: ANN401
        logs.append(data.log.location)

    methods = {
        "on_sample_init": begin,  # before a sandbox, and before limits on time
        "on_sample_end": end,
        "on_sample_attempt_start": remember,
        "on_task_end": take_log,
    }
    hooks.hooks("afcost", "Money for whole samples")(type("Money", (hooks.Hooks,), methods))


def _guard_models(samples: Samples) -> None:
    """Wrap the calls of every provider's class, as soon as one of its models is made."""
    model_class = import_module("inspect_ai.model").Model
    make = model_class.__init__

    @wraps(make)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        make(self, *args, **kwargs)
        if reason := find_way_past(str(self), self.api):
            raise NotSentError(f"afcost: {reason}")
        _wrap_generate(type(self.api), samples)

    model_class.__init__ = init


def find_way_past(name: str, api: Any) -> str:  # noqa: ANN401
    """Return why a model's calls would not come to the gateway; empty where they would."""
    provider, _, rest = name.partition("/")
    if provider in LOCAL:
        return ""
    if provider not in COMES_HERE or rest.partition("/")[0] in OF_CLOUDS:
        return f"{name} is not asked through the gateway, so no cap would hold"
    own = str(getattr(api, "base_url", "") or "")
    if own and not own.startswith(DOOR):
        return f"{name} has an address of its own, {own}; give it to afcost: --upstream"
    return ""


def _wrap_generate(api_class: Any, samples: Samples) -> None:  # noqa: ANN401
    generate = api_class.generate
    if getattr(generate, "is_afcosts", False):
        return

    @wraps(generate)
    async def send(self: Any, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:  # noqa: A002, ANN401
        sample = _sample.get()
        if reason := samples.refused.get(sample):
            raise NotSentError(f"afcost: {reason}")
        client: Any = getattr(self, "client", None)
        if hasattr(client, "max_retries"):
            client.max_retries = 0
        headers = {**(config.extra_headers or {}), "x-afcost-sample": sample}
        asked = config.model_copy(update={"extra_headers": headers, "batch": None})
        try:
            return await generate(self, input, tools, tool_choice, asked)
        except Exception as error:
            if "afcost: cap of" in str(error):
                samples.refused.setdefault(sample, f"{error}")
            raise

    send.is_afcosts = True  # type: ignore[attr-defined]
    api_class.generate = send


def _refuse_sandboxes() -> None:
    """Have a task with a sandbox end everything before it starts."""
    task_class = import_module("inspect_ai").Task
    make = task_class.__init__

    @wraps(make)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        make(self, *args, **kwargs)
        if self.sandbox or any(each.sandbox for each in self.dataset):
            sys.exit("afcost: the task has a sandbox, which would start; allow it: --allow-sandbox")

    task_class.__init__ = init


def _describe(location: str) -> dict[str, Any]:
    """Return what a log says: how it ended, and which samples are missing."""
    log_module = import_module("inspect_ai.log")
    log = log_module.read_eval_log(location, header_only=True)
    samples = log_module.read_eval_log_sample_summaries(location)
    results, epochs = log.results, log.eval.config.epochs or 1
    scores = results.scores if results else []
    return {
        "log": location,
        "task": log.eval.task,
        "model": log.eval.model,
        "status": log.status,
        "error": log.error.message if log.error else "",
        "total": results.total_samples if results else (log.eval.dataset.samples or 0) * epochs,
        "completed": sum(not each.error and each.completed is not False for each in samples),
        "missing": [
            {"id": each.id, "epoch": each.epoch, "error": _shorten(str(each.error))}
            for each in samples
            if each.error
        ],
        "scores": [
            {"name": each.name, "metrics": {k: v.value for k, v in each.metrics.items()}}
            for each in scores
        ],
    }


def _shorten(error: str) -> str:
    """Return an error without the name of afcost's own class around it."""
    own = error.removeprefix("NotSentError(")
    return (own if own == error else own.strip("()'\""))[:500]


def _choose_command() -> tuple[list[str], list[str]]:
    """Return what Inspect is asked for: the evaluation, or the rest of those that were begun.

    Returns:
        the words of its command line, none where nothing is left; and the logs that are complete.
    """
    folder = GIVEN["log_dir"]
    list_logs = import_module("inspect_ai.log").list_eval_logs
    newest: dict[str, str] = {}
    is_begun = Path(folder).is_dir() and not GIVEN["rehearses"]
    for each in list_logs(folder, descending=False) if is_begun else ():
        newest[each.task_id] = each.name
    told = {name: _describe(name) for name in newest.values()}
    whole = [n for n, each in told.items() if each["status"] == "success" and not each["missing"]]
    rest = [name for name in told if name not in whole]
    if not told:
        return ["eval", *GIVEN["arguments"], *GIVEN["options"]], []
    return (["eval-retry", *rest, *GIVEN["retry_options"]] if rest else []), whole


def main() -> None:
    """Run Inspect's command line, and write down what came of it."""
    samples, logs = Samples(), list[Any]()
    words, whole = _choose_command()
    try:
        if words:
            if not GIVEN["rehearses"]:
                _add_hooks(samples, logs)
            _guard_models(samples)
            if not GIVEN["allow_sandbox"]:
                _refuse_sandboxes()
            sys.argv = ["inspect", *words]
            import_module("inspect_ai._cli.main").main()
    finally:
        told = [_describe(each) for each in (*whole, *logs)]
        document = {"tasks": told, "kept": samples.kept, "was_begun": bool(words)}
        Path(GIVEN["ended"]).write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main()
