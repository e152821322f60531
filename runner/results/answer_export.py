"""Answer export: every answered call of a run with its text, its parts, tokens and cost.

Answers that failed are among them, with `failed` as their kind.

The csv form is also a history that a later estimate can rest on. Its cells are safe to open in a
spreadsheet, unless they are for a program; jsonl is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from experiment.definition import SUBJECT, QueryColumns
from experiment.scoring import (
    Answer,
    ReasoningForm,
    classify_answer,
    read_answer,
    strip_thinking,
)
from runner.billing import BillReader
from runner.errors import BadRun
from runner.ledger import AnsweredCall, BilledCall, read_ledger
from runner.results.row_files import write_csv, write_json_lines
from runner.results.tally import RunRecords
from runner.run_folder import RunFolder


def export_answers(run_folder: RunFolder, path: Path, *, raw: bool = False) -> int:
    """Write all answers of a run to a csv or jsonl file; model output stays plain data.

    Args:
        run_folder: of the run.
        path: of the file.
        raw: leave cells as they are that a spreadsheet would take for formulas.

    Returns:
        how many were written.

    Raises:
        BadRun: not a csv or jsonl file, or it cannot be written.
    """
    if path.suffix not in {".csv", ".jsonl"}:
        raise BadRun(f"--answers {path} must end in .csv or .jsonl")
    columns = QueryColumns(run_folder.query_columns)
    of_query = columns.cells if path.suffix == ".csv" else columns.fields
    rows = list(_answer_rows(run_folder, of_query))
    try:
        if path.suffix == ".jsonl":
            write_json_lines(path, rows)
        else:
            write_csv(path, list(rows[0]) if rows else [], rows, raw=raw)
    except OSError as error:
        raise BadRun(f"cannot write --answers {path}: {error.strerror}") from error
    return len(rows)


def _answer_rows(
    run_folder: RunFolder, of_query: Callable[[int], dict[str, object]]
) -> Iterator[dict[str, object]]:
    with read_ledger(run_folder.ledger_location) as reader:
        calls = [
            AnsweredCall(each.attempt, each.answer, each.settled)
            for job in RunRecords(run_folder, reader).read()
            for each in job.current
            if each.answer is not None
        ]
    bills = {name: BillReader(card) for name, card in run_folder.highest_cards().items()}
    for call in sorted(calls, key=_place_in_plan):
        billed = BilledCall.from_answer(call.attempt, call.answer, call.settled)
        booked = bills[call.attempt.model].read(billed)
        yield _answer_row(run_folder, call, booked.output, of_query)


def _place_in_plan(call: AnsweredCall) -> tuple[object, ...]:
    """Return by what answers are sorted: subjects first, then each judge."""
    each = call.attempt
    names = (each.stage, each.model, each.condition)
    return (each.stage != SUBJECT, *names, each.query, each.sample, each.vote)


def _answer_row(
    run_folder: RunFolder,
    call: AnsweredCall,
    booked_output: int,
    of_query: Callable[[int], dict[str, object]],
) -> dict[str, object]:
    attempt = call.attempt
    is_subject = attempt.stage == SUBJECT
    name = run_folder.plan.models[attempt.model].name
    answer = read_answer(call.answer.completion, run_folder.spec.answer, call.answer.prefill)
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
        "accepted": answer.accepted if is_subject else None,
        "query_text": run_folder.queries[attempt.query],
        "text": call.answer.whole_text,
        **(_list_parts(answer) if is_subject else _list_parts(_without_tags(answer, call))),
        "booked_output_tokens": booked_output,
        **of_query(attempt.query),
    }


def _list_parts(answer: Answer) -> dict[str, object]:
    """Return the columns of an answer's parts, each named for what it is."""
    return {
        "kind": answer.kind.value,
        "output": answer.output,
        "refusal": answer.refusal,
        "reasoning": answer.reasoning,
        "reasoning_forms": " ".join(each.form.value for each in answer.thoughts),
    }


def _without_tags(answer: Answer, call: AnsweredCall) -> Answer:
    """Return what a judge wrote: its text, in which the subjects' tags mean nothing."""
    output = strip_thinking(call.answer.whole_text).strip()
    thoughts = tuple(each for each in answer.thoughts if each.form is not ReasoningForm.SCRATCHPAD)
    kind = classify_answer(call.answer.completion, output)
    return replace(answer, kind=kind, output=output, thoughts=thoughts)
