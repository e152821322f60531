"""Answer export: every answered call of a run with its text, tokens and cost.

The csv form is also a history that a later estimate can rest on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiment.definition import SUBJECT
from experiment.scoring import read_answer
from pricing.money import Money
from runner.errors import BadRun
from runner.ledger import read_ledger
from runner.run_folder import RunFolder

_SELECT_ANSWERS = """
SELECT attempt.*, answer.*, attempt.model AS written,
       (SELECT SUM(settled) FROM entry WHERE entry.attempt = attempt.id) AS settled
FROM answer JOIN attempt ON attempt.id = answer.attempt
ORDER BY stage <> 'subject', stage, attempt.model, condition, query, sample, vote
"""


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


def _answer_rows(run_folder: RunFolder) -> Iterator[dict[str, Any]]:
    with read_ledger(run_folder.ledger_location) as connection:
        for row in connection.execute(_SELECT_ANSWERS):
            name = run_folder.plan.models[row["written"]].name
            text = row["prefill"] + row["text"]
            subject = row["stage"] == SUBJECT
            answer = read_answer(text, run_folder.spec.answer) if subject else None
            yield {
                "stage": row["stage"],
                "provider": name.provider,
                "model": name.short_name,
                "condition": row["condition"],
                "query": row["query"],
                "sample": row["sample"],
                "vote": row["vote"],
                "input_tokens": row["input"] + row["cache_read"] + row["cache_write"],
                "output_tokens": row["output"],
                "cost_usd": Money(row["settled"]).to_decimal_string(),
                "finish": row["finish"],
                "accepted": answer.accepted if answer else None,
                "query_text": run_folder.queries[row["query"]],
                "text": text,
            }
