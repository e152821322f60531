"""Answer export: every answered call of a run with its text, tokens and cost.

The csv form is also a history that a later estimate can rest on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from experiment.definition import SUBJECT
from experiment.scoring import read_answer
from runner.errors import BadRun
from runner.ledger import AnsweredCall, read_ledger
from runner.run_folder import RunFolder


def export_answers(run_folder: RunFolder, path: Path) -> int:
    """Write all answers of a run to a csv or jsonl file; model output stays plain data.

    Returns:
        how many were written.

    Raises:
        BadRun: not a csv or jsonl file, or it cannot be written.
    """
    if path.suffix not in {".csv", ".jsonl"}:
        raise BadRun(f"--answers {path} must end in .csv or .jsonl")
    rows = list(_answer_rows(run_folder))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            if path.suffix == ".jsonl":
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            elif rows:
                table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                table.writeheader()
                table.writerows(rows)
    except OSError as error:
        raise BadRun(f"cannot write --answers {path}: {error.strerror}") from error
    return len(rows)


def _answer_rows(run_folder: RunFolder) -> Iterator[dict[str, object]]:
    with read_ledger(run_folder.ledger_location) as reader:
        for call in reader.answered_calls():
            yield _answer_row(run_folder, call)


def _answer_row(run_folder: RunFolder, call: AnsweredCall) -> dict[str, object]:
    attempt, text = call.attempt, call.answer.whole_text
    name = run_folder.plan.models[attempt.model].name
    is_subject = attempt.stage == SUBJECT
    return {
        "stage": attempt.stage,
        "provider": name.provider,
        "model": name.short_name,
        "condition": attempt.condition,
        "query": attempt.query,
        "sample": attempt.sample,
        "vote": attempt.vote,
        "input_tokens": call.answer.prompt_tokens,
        "output_tokens": call.answer.output,
        "cost_usd": call.settled.to_decimal_string(),
        "finish": call.answer.finish,
        "accepted": read_answer(text, run_folder.spec.answer).accepted if is_subject else None,
        "query_text": run_folder.queries[attempt.query],
        "text": text,
    }
