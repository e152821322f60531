"""The long table of a run: a row for each subject's answer and one for each verdict.

Every row says which answer it is about: the subject's request, its model, its condition's levels,
its query and its sample. So verdicts can be grouped by tier without a join.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from experiment.definition import SUBJECT, QueryColumns
from runner.results.reading.transcripts import JudgeTranscript, Transcript, VoteText
from runner.run_folder import RunFolder

Row = dict[str, Any]

_TEXT, _WHOLE, _NUMBER = "text", "whole", "number"
_JUDGED = {"value": _NUMBER, "weight": _NUMBER, "label": _TEXT}
# Column -> what it holds. `says`, `fault` and `scores` are of verdicts, `proxy` of answers.
_FIRST_COLUMNS = {
    "request": _TEXT,
    "stage": _TEXT,
    "model": _TEXT,
    "subject_model": _TEXT,
    "condition": _TEXT,
}
_MORE_COLUMNS = {
    "query": _WHOLE,
    "sample": _WHOLE,
    "vote": _WHOLE,
    "kind": _TEXT,
    "finish": _TEXT,
    "proxy": _TEXT,
    "says": _TEXT,
    "fault": _TEXT,
    "scores": _TEXT,
    "input_tokens": _WHOLE,
    "output_tokens": _WHOLE,
    "cost_usd": _TEXT,
    "text": _TEXT,
    "output": _TEXT,
    "refusal": _TEXT,
    "reasoning": _TEXT,
    "reasoning_forms": _TEXT,
    "query_text": _TEXT,
}


class LongTable:
    """The long table of a run.

    Args:
        run_folder: of the run.

    Attributes:
        columns: name -> `text`, `whole` or `number`; a factor is `factor_NAME`, another column of
            the queries `query_NAME`; `value_JUDGE` is what a judge says of the answer, from 0 to 1,
            empty where that is missing; `weight_JUDGE` is how many answers it stands for;
            `label_JUDGE` is what it says in a word.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._factors = {name: f"factor_{name}" for name in run_folder.spec.factors}
        self._judges = [each.name for each in run_folder.spec.judges]
        self._of_queries = QueryColumns(run_folder.query_columns)
        judged = {
            f"{what}_{judge}": kind for judge in self._judges for what, kind in _JUDGED.items()
        }
        self.columns: dict[str, str] = {
            **_FIRST_COLUMNS,
            **dict.fromkeys(self._factors.values(), _TEXT),
            **_MORE_COLUMNS,
            **dict.fromkeys(self._of_queries.names, _TEXT),
            **judged,
        }

    def rows_of(self, transcript: Transcript) -> Iterator[Row]:
        """Yield the rows of an answer, with every column in its place."""
        about = self._describe(transcript)
        yield self._complete(about | _describe_answer(transcript))
        for judge in transcript.judges:
            for vote in judge.votes:
                yield self._complete(about | _describe_vote(judge, vote))

    def _complete(self, row: Row) -> Row:
        return {name: row.get(name) for name in self.columns}

    def _describe(self, transcript: Transcript) -> Row:
        """Return what all rows of an answer have: what it is of, and what its judges say."""
        about: Row = {
            "request": transcript.request,
            "subject_model": transcript.model,
            "condition": transcript.condition,
            "query": transcript.query,
            "sample": transcript.sample,
            "query_text": transcript.query_text,
        }
        about |= {column: transcript.levels[name] for name, column in self._factors.items()}
        cells = self._of_queries.cells(transcript.query)
        about |= {column: _write(cell) for column, cell in cells.items()}
        for judge in transcript.judges:
            about[f"value_{judge.judge}"] = judge.reading.value
            about[f"weight_{judge.judge}"] = float(judge.reading.weight)
            about[f"label_{judge.judge}"] = judge.label
        return about


def _describe_answer(transcript: Transcript) -> Row:
    answer = transcript.answer
    return {
        "stage": SUBJECT,
        "model": transcript.model,
        "kind": transcript.kind.value,
        "finish": transcript.finish,
        "proxy": transcript.proxy,
        "input_tokens": transcript.input_tokens,
        "output_tokens": transcript.output_tokens,
        "cost_usd": transcript.cost.to_decimal_string(),
        "text": transcript.text,
        "output": answer.output if answer else "",
        "refusal": answer.refusal if answer else "",
        "reasoning": answer.reasoning if answer else "",
        "reasoning_forms": " ".join(each.form.value for each in transcript.thoughts),
    }


def _describe_vote(judge: JudgeTranscript, vote: VoteText) -> Row:
    return {
        "stage": judge.judge,
        "model": judge.model,
        "vote": vote.vote,
        "finish": vote.finish,
        "says": vote.says,
        "fault": vote.fault,
        "scores": json.dumps(vote.scores, ensure_ascii=False) if vote.scores else "",
        "input_tokens": vote.input_tokens,
        "output_tokens": vote.output_tokens,
        "cost_usd": vote.cost.to_decimal_string(),
        "text": vote.text,
        "reasoning": vote.reasoning,
    }


def _write(value: object) -> str | None:
    """Return a column of a query as text; lists and numbers as JSON has them."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
