"""Batches in Google's form: `models/{model}:batchGenerateContent`, which answers operations.

Fields: the package `google-genai` 3.6.1, batches.py, https://ai.google.dev/api/batch-api and
https://ai.google.dev/gemini-api/docs/batch-api. REST says `BATCH_STATE_...` where the package says
`JOB_STATE_...`, and counts are texts. Requests are inline, with `metadata`, or in a file, with
`key`. A batch that expired or was cancelled has no results; whether what it had done is billed is
not documented, so here it is.
"""

import json
from datetime import UTC, datetime

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Done, Draft, End, Job, Json, Line, Problem, Stage
from tests.support.provider.newer_formats import GOOGLE_CONFIG, GOOGLE_FIELDS, name_in_camel_case

MOST_INLINE_BYTES = 20 * 2**20
_STATE = {
    Stage.VALIDATING: "PENDING",
    Stage.WORKING: "RUNNING",
    Stage.FINALIZING: "RUNNING",
    Stage.CANCELLING: "RUNNING",
}
_ENDED = {
    End.COMPLETED: "SUCCEEDED",
    End.FAILED: "FAILED",
    End.EXPIRED: "EXPIRED",
    End.CANCELLED: "CANCELLED",
}
_STATUS = {
    400: "INVALID_ARGUMENT",
    402: "FAILED_PRECONDITION",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
# What a line's `error` says, a google.rpc.Status, by the status that a call would have.
_CODES = {400: 3, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14}
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main."


class GoogleBatches:
    """`POST /v1beta/models/{model}:batchGenerateContent`."""

    name = "google"
    page = 20
    created = 200
    most_bytes = 2_000_000_000

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:
        """Read a create."""
        batch = sent.get("batch") or {}
        known = {"displayName", "inputConfig", "model", "priority", "webhookConfig"}
        if unknown := set(batch) - known:
            raise self._refuse(f'Invalid JSON payload received. Unknown name "{min(unknown)}".')
        source = batch.get("inputConfig") or {}
        if not batch.get("displayName"):
            raise self._refuse("batch.displayName is required.")
        if ("fileName" in source) == ("requests" in source):
            raise self._refuse("batch.inputConfig: one of requests and fileName is required.")
        if "fileName" in source:
            rows, problem = self._read_file(source, files)
        else:
            rows, problem = self._read_inline(source), None
        lines = [self._read_line(each, model) for each in rows]
        return Draft(model, "generateContent", tuple(lines), batch, problem)

    def _read_inline(self, source: Json) -> list[Json]:
        """Read requests that are in the create, where all names must be known."""
        if len(json.dumps(source)) > MOST_INLINE_BYTES:
            raise self._refuse("Request payload size exceeds the limit: 20971520 bytes.")
        rows = list(source["requests"].get("requests") or [])
        if wrong := _find_problem(rows):
            raise self._refuse(wrong)
        return rows

    def _read_file(self, source: Json, files: FileStore) -> tuple[list[Json], Problem | None]:
        """Read a file's lines; what is wrong with them is found later, and fails the batch."""
        file = files.find(str(source["fileName"]).replace("files/", "file-"))
        if file is None:
            raise RefusedError(404, self.error(404, f"{source['fileName']} was not found."))
        try:
            rows = [json.loads(text) for text in file.content.split(b"\n") if text.strip()]
        except ValueError:
            return [], Problem("INVALID_ARGUMENT", "A line of the file is not JSON.")
        wrong = _find_problem(rows)
        return ([], Problem("INVALID_ARGUMENT", wrong)) if wrong else (rows, None)

    def _read_line(self, row: Json, model: str) -> Line:
        """Read a request; inline its name is all of its metadata, in a file its key."""
        named = {name: row[name] for name in ("key", "metadata") if name in row}
        values = [named["key"]] if "key" in named else list(named.get("metadata", {}).values())
        path, body = f"/v1beta/models/{model}:generateContent", {"model": model} | row["request"]
        return Line(" ".join(map(str, values)), path, body, named)

    def _refuse(self, message: str) -> RefusedError:
        return RefusedError(400, self.error(400, message))

    def show(self, job: Job, url: str) -> Json:  # noqa: ARG002 - the form's
        """Tell of a batch, as an operation."""
        state = _ENDED[job.end] if job.has_ended else _STATE[job.stage]
        at = datetime.fromtimestamp(job.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        told = {
            "@type": f"{_TYPE}GenerateContentBatch",
            "model": f"models/{job.draft.model}",
            "displayName": job.draft.sent["displayName"],
            "inputConfig": {"fileName": job.draft.sent["inputConfig"].get("fileName", "")},
            "createTime": at,
            "updateTime": at,
            "batchStats": self._count(job),
            "state": f"BATCH_STATE_{state}",
            "name": f"batches/{job.id}",
        }
        shown: Json = {"name": f"batches/{job.id}", "metadata": told}
        if not job.has_ended:
            return shown
        told["endTime"] = at
        shown["done"] = True
        if job.end != End.COMPLETED:
            problem = job.draft.problem
            message = problem.message if problem else f"The batch has {job.end}."
            return shown | {"error": {"code": 3 if problem else 1, "message": message}}
        if "output" in job.files:
            output = {"responsesFile": job.files["output"].replace("file-", "files/")}
            told["output"] = output
            shown["response"] = {"@type": f"{_TYPE}GenerateContentBatchOutput"} | output
        return shown

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""
        return self.show(job, url)

    def _count(self, job: Job) -> Json:
        succeeded = sum(each.how == "succeeded" for each in job.done)
        failed = sum(each.how == "errored" for each in job.done)
        waiting = len(job.draft.lines) - succeeded - failed
        counts = {
            "requestCount": len(job.draft.lines),
            "successfulRequestCount": succeeded,
            "failedRequestCount": failed,
            "pendingRequestCount": waiting,
        }
        return {name: str(count) for name, count in counts.items() if count}  # no zeros

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json:
        """Tell of a page of them; the page's token is the last one's id."""
        shown: Json = {"operations": [self.show(job, url) for job in jobs]} if jobs else {}
        return shown | ({"nextPageToken": jobs[-1].id} if more else {})

    def sort(self, done: Done) -> str:
        """Return the file of a result: one for all that were done."""
        return "output" if done.how in ("succeeded", "errored") else ""

    def write(self, done: Done) -> Json:
        """Write a result; inline ones have the request's metadata, those in a file its key."""
        named = done.line.named or {}
        if done.how == "succeeded":
            return named | {"response": done.body}
        code = _CODES.get(done.status, 2)
        return named | {"error": {"code": code, "message": done.body["error"]["message"]}}

    def error(self, status: int, message: str) -> Json:
        """Write an error object."""
        told = {"code": status, "message": message, "status": _STATUS.get(status, "INTERNAL")}
        return {"error": told}


def _find_problem(rows: list[Json]) -> str:
    """Say what is wrong with requests; empty where nothing is."""
    if not rows or not all(isinstance(each.get("request"), dict) for each in rows):
        return "batch.inputConfig: requests are required."
    for row in rows:
        request = name_in_camel_case(row["request"])
        config = name_in_camel_case(request.get("generationConfig") or {})
        unknown = [
            *(row.keys() - {"key", "metadata", "request"}),
            *(request.keys() - GOOGLE_FIELDS - {"model"}),
            *(config.keys() - GOOGLE_CONFIG),
        ]
        if unknown:
            return f'Invalid JSON payload received. Unknown name "{min(unknown)}".'
    return ""
