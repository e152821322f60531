"""Batches in OpenAI's form, and in that of providers that speak it: files, then `/batches`.

Fields: the package `openai` 3.57.0, types/batch.py, batch_error.py and batch_create_params.py, and
https://developers.openai.com/api/docs/guides/batch. A bad line shows when it is validated; only
what is wrong with the create itself is refused at once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Done, Draft, End, Job, Json, Line, Problem, Stage

MOST_LINES = 50_000
_FIELDS = ("input_file_id", "endpoint", "completion_window", "metadata")
# `ocr` is of Mistral, whose files are at the same address.
_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals", "ocr")
_DAY_SECONDS = 86_400
_STATUS = {
    Stage.VALIDATING: "validating",
    Stage.WORKING: "in_progress",
    Stage.FINALIZING: "finalizing",
    Stage.CANCELLING: "cancelling",
}
_UNDONE = {
    "expired": ("batch_expired", "This request could not be executed before the window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed: the batch was cancelled."),
}


@dataclass(frozen=True)
class OpenAIBatches:
    """`POST /v1/batches`.

    Attributes:
        name: of the form.
        endpoints: where lines may go.
        windows: a pattern of the completion windows that are taken.
        most_lines: in one batch.
        purpose: of files.
        page: how many batches a list shows where it is not told; None for all, always.
        most_bytes: of a file.
        upload: the path of it, and what must be named beside it.
        purposes: that files may have.
        fields: of a create.
    """

    name: str = "openai"
    endpoints: tuple[str, ...] = ("/v1/chat/completions", "/v1/responses")
    windows: str = "24h"
    most_lines: int = MOST_LINES
    purpose: str = "batch"
    page: int | None = 20
    created: int = 200
    most_bytes: int = 200_000_000
    upload: tuple[str, ...] = ("/files", "purpose")
    purposes: tuple[str, ...] = _PURPOSES
    fields: tuple[str, ...] = (*_FIELDS, "output_expires_after")

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:  # noqa: ARG002 - the form's
        """Read a create."""
        if unknown := sent.keys() - set(self.fields):
            raise self.refuse(f"Unknown parameter: '{min(unknown)}'.")
        if sent.get("endpoint") not in self.endpoints:
            raise self.refuse(f"Invalid value for 'endpoint': {sent.get('endpoint')!r}.")
        if not re.fullmatch(self.windows, str(sent.get("completion_window"))):
            raise self.refuse("Invalid value for 'completion_window': expected '24h'.")
        self.check_metadata(sent.get("metadata") or {})
        file = files.find(str(sent.get("input_file_id")))
        if file is None:
            raise self.refuse(f"No such File object: {sent.get('input_file_id')}")
        if file.purpose != self.purpose:
            raise self.refuse("The input file has another purpose.")
        endpoint = str(sent["endpoint"])
        lines, problem = read_lines(file.content, endpoint, self.most_lines)
        first = str(lines[0].body.get("model", "")) if lines else ""
        return Draft(first, endpoint, tuple(lines), sent, problem)

    def check_metadata(self, metadata: Json) -> None:
        """Refuse more and longer metadata than a batch may have."""
        too_long = [k for k, v in metadata.items() if len(k) > 64 or len(str(v)) > 512]
        if len(metadata) > 16 or too_long:
            raise self.refuse("Invalid 'metadata': at most 16 pairs of 64 and 512 characters.")
        if not all(isinstance(value, str) for value in metadata.values()):
            raise self.refuse("Invalid 'metadata': expected strings.")

    def refuse(self, message: str) -> RefusedError:
        """Return the refusal of a create."""
        return RefusedError(400, self.error(400, message))

    def show(self, job: Job, url: str) -> Json:  # noqa: ARG002 - the form's
        """Tell of a batch."""
        sent, problem = job.draft.sent, job.draft.problem
        status = job.end.value if job.has_ended else _STATUS[job.stage]
        failed = job.has_ended and job.end == End.FAILED and problem is not None
        listed = (
            {"object": "list", "data": [_show_problem(problem)]} if failed and problem else None
        )
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": job.draft.endpoint,
            "model": job.draft.model or None,
            "errors": listed,
            "input_file_id": sent["input_file_id"],
            "completion_window": sent["completion_window"],
            "status": status,
            "output_file_id": job.files.get("output") if job.has_ended else None,
            "error_file_id": job.files.get("error") if job.has_ended else None,
            "created_at": int(job.created),
            "expires_at": int(job.created) + _DAY_SECONDS,
            f"{status}_at": int(job.created),
            "request_counts": None if failed else self._count(job),
            "metadata": sent.get("metadata"),
        }

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""
        return self.show(job, url)

    def _count(self, job: Job) -> Json:
        if job.stage == Stage.VALIDATING:
            return {"total": 0, "completed": 0, "failed": 0}
        completed = sum(each.how == "succeeded" for each in job.done)
        failed = sum(each.how == "errored" for each in job.done)
        return {"total": len(job.draft.lines), "completed": completed, "failed": failed}

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json | list[Json]:
        """Tell of a page of them."""
        ids = [job.id for job in jobs]
        data = [self.show(job, url) for job in jobs]
        ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        return {"object": "list", "data": data, "has_more": more, **ends}

    def sort(self, done: Done) -> str:
        """Return the file of a result: one for those that succeeded, one for all others."""
        return "output" if done.how == "succeeded" else "error"

    def write(self, done: Done) -> Json:
        """Write a result."""
        response: Json | None = {
            "status_code": done.status,
            "request_id": f"req_{done.line.custom_id}",
            "body": done.body,
        }
        error = None
        if done.how in _UNDONE:
            code, message = _UNDONE[done.how]
            response, error = None, {"code": code, "message": message}
        told = {"id": f"batch_req_{done.call or 0}", "custom_id": done.line.custom_id}
        return told | {"response": response, "error": error}

    def error(self, status: int, message: str) -> Json:
        """Write an error object."""
        kinds = {429: ("requests", "rate_limit_exceeded"), 402: ("insufficient_credits", "402")}
        kind, code = kinds.get(status, ("server_error", None))
        if status < 500 and status not in kinds:
            kind = "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _show_problem(problem: Problem) -> Json:
    told = {"code": problem.code, "message": problem.message, "param": None}
    return told | {"line": problem.line}


def read_lines(content: bytes, endpoint: str, most: int) -> tuple[list[Line], Problem | None]:
    """Read an input file, and say what is wrong with it, if anything."""
    texts = [each for each in content.split(b"\n") if each.strip()]
    if not texts:
        return [], Problem("empty_file", "The input file is empty.")
    if len(texts) > most:
        return [], Problem("too_many_tasks", f"The batch has more than {most} requests.")
    try:
        rows = [_parse(number, text) for number, text in enumerate(texts, start=1)]
    except _LineError as error:
        return [], error.problem
    lines = [Line(str(row["custom_id"]), endpoint, row["body"]) for row in rows]
    return lines, next(_find_problems(rows, endpoint), None)


class _LineError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _parse(number: int, text: bytes) -> Json:
    try:
        row = json.loads(text)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise _LineError(Problem("invalid_json_line", "This line is not valid JSON.", number))
    for field, kind in (("custom_id", str), ("body", dict), ("method", str), ("url", str)):
        if not isinstance(row.get(field), kind):
            message = f"Missing required parameter: '{field}'."
            raise _LineError(Problem("missing_required_parameter", message, number))
    return row


def _find_problems(rows: list[Json], endpoint: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if row["custom_id"] in seen:
            yield Problem("duplicate_custom_id", "The custom_id is not unique.", number)
        if row["method"] != "POST":
            yield Problem("invalid_method", "The method must be POST.", number)
        if row["url"] != endpoint:
            yield Problem("url_mismatch", "The URL differs from the batch's endpoint.", number)
        if row["body"].get("model") != rows[0]["body"].get("model"):
            yield Problem("model_mismatch", "All requests must be for the same model.", number)
        if row["body"].get("stream"):
            yield Problem("invalid_request", "Streams are not supported in batches.", number)
        seen.add(row["custom_id"])
