"""Inspect logs: the samples of an evaluation as rows.

A `.json` log is read as it is. An `.eval` log is an archive in a compression that Python 3.11
cannot read, so inspect_ai reads it, where it is installed. The fields are those of EvalLog and
EvalSample in inspect_ai.log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from runner.errors import BadImport
from runner.imports.source_row import SourceRow

FACTOR = "factor."  # before the name of a factor, among the columns of a log of `afcost export`


def is_inspect_log(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON document is an Inspect log."""
    return isinstance(document.get("eval"), dict) and "status" in document


def read_eval_file(path: Path) -> dict[str, Any]:
    """Read an `.eval` file with inspect_ai.

    Raises:
        BadImport: inspect_ai is not installed, or cannot read it.
    """
    try:
        inspect_log = import_module("inspect_ai.log")  # a heavy extra
    except ImportError as error:
        raise BadImport(
            f"{path} needs inspect_ai: pip install 'afcost[inspect]'; or convert it, where that is "
            f"installed: inspect log dump {path} > log.json"
        ) from error
    try:
        log: dict[str, Any] = inspect_log.read_eval_log(str(path.resolve())).model_dump(mode="json")
    except Exception as error:  # inspect_ai's own, of many kinds
        raise BadImport(f"cannot read Inspect log {path}: {error}") from error
    return log


def list_samples(path: Path, log: Mapping[str, Any]) -> Iterator[SourceRow]:
    """Yield the samples of a log as rows of simple columns.

    Raises:
        BadImport: it has none.
    """
    samples = log.get("samples")
    if not samples:
        raise BadImport(f"{path}: this Inspect log holds no samples; import the full log")
    spec = log["eval"]
    for number, sample in enumerate(samples, start=1):
        yield SourceRow(path.name, f"sample {number}", _flatten(spec, sample))


def _flatten(spec: Mapping[str, Any], sample: Mapping[str, Any]) -> dict[str, Any]:
    output = sample.get("output") or {}
    choice: dict[str, Any] = next(iter(output.get("choices") or ()), {})
    content = (choice.get("message") or {}).get("content")
    usage = output.get("usage") or {}
    failed = sample.get("error") or output.get("error") or not choice
    prompt = _read_prompt(sample)
    row = {
        "id": sample.get("id"),
        "epoch": sample.get("epoch", 1),
        "model": output.get("model") or spec.get("model"),
        "task": spec.get("task"),
        "task_args": spec.get("task_args") or {},
        "input": prompt,
        "system": _join(sample.get("messages"), "system"),
        "answer": None if failed else _read_text(content, "text"),
        "reasoning": _read_text(content, "reasoning"),
        "finish": choice.get("stop_reason"),
        "metadata": sample.get("metadata") or {},
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": usage.get("reasoning_tokens"),
    }
    return row | _read_own(spec, sample, content)


def _read_own(
    spec: Mapping[str, Any],
    sample: Mapping[str, Any],
    content: Any,  # noqa: ANN401 - a log's own
) -> dict[str, Any]:
    """Return what a log of `afcost export` says of a sample besides; nothing of another's."""
    of_run, said = spec.get("metadata") or {}, sample.get("metadata") or {}
    factors = of_run.get("factors")
    if "plan_digest" not in of_run or not isinstance(factors, dict) or "query_text" not in said:
        return {}
    text = None if said.get("kind") == "failed" else str(said.get("text") or "")
    parts = content if isinstance(content, list) else []
    thoughts = [_read_text([part], "reasoning") for part in parts]
    return {
        "model": said.get("model"),
        "answer": text,
        "reasoning": "\n\n".join(each for each in thoughts if each and each not in (text or "")),
        "finish": said.get("finish") or None,
        "refusal": said.get("refusal") or None,
        "query_text": said.get("query_text"),
        "query_number": said.get("query"),
        **{f"{FACTOR}{name}": said.get(f"factor_{name}", said.get(name)) for name in factors},
    }


def _read_prompt(sample: Mapping[str, Any]) -> str:
    given = sample.get("input")
    return given if isinstance(given, str) else _join(given, "user")


def _join(messages: Any, role: str) -> str:  # noqa: ANN401 - a log's own
    """Return the texts of the messages of a role."""
    given = messages if isinstance(messages, list) else ()
    found = (each for each in given if isinstance(each, dict) and each.get("role") == role)
    return "\n\n".join(_read_text(each.get("content"), "text") for each in found)


def _read_text(content: Any, kind: str) -> str:  # noqa: ANN401 - a log's own
    """Return the texts, or the reasoning, of a message's content: a text, or parts of it."""
    if isinstance(content, str):
        return content if kind == "text" else ""
    parts = content if isinstance(content, list) else ()
    return "\n\n".join(
        str(part.get(kind) or "")
        for part in parts
        if isinstance(part, dict) and part.get("type") == kind and not part.get("redacted")
    )
