"""Batches of providers that took OpenAI's form and changed its words: Together and Mistral.

Together: the package `together` 3.1.1, types/batch_job.py; an upload is at `/files/upload`, a
create answers a `job`, a list is a list. Mistral: the package `mistralai` 3.7.0, models/batchjob.py
and createbatchjobrequest.py; a job has a model of its own, and its lines no address. Lines of
results are OpenAI's.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.job import Draft, End, Job, Json, Problem, Stage
from tests.support.provider.batches.openai_form import OpenAIBatches, read_lines

_TOGETHER_FIELDS = ("endpoint", "input_file_id", "completion_window", "model_id", "priority")
_TOGETHER = {
    Stage.VALIDATING: "VALIDATING",
    Stage.WORKING: "IN_PROGRESS",
    Stage.FINALIZING: "IN_PROGRESS",
    Stage.CANCELLING: "IN_PROGRESS",
}
_MISTRAL_FIELDS = ("endpoint", "input_files", "requests", "model")
_MISTRAL = {
    Stage.VALIDATING: "QUEUED",
    Stage.WORKING: "RUNNING",
    Stage.FINALIZING: "RUNNING",
    Stage.CANCELLING: "CANCELLATION_REQUESTED",
}
_MISTRAL_ENDS = {
    End.COMPLETED: "SUCCESS",
    End.FAILED: "FAILED",
    End.EXPIRED: "TIMEOUT_EXCEEDED",
    End.CANCELLED: "CANCELLED",
}


@dataclass(frozen=True)
class TogetherBatches(OpenAIBatches):
    """`POST /together/v1/batches`."""

    name: str = "together"
    endpoints: tuple[str, ...] = ("/v1/chat/completions",)
    purpose: str = "batch-api"
    page: int | None = None
    most_bytes: int = 100_000_000
    upload: tuple[str, ...] = ("/files/upload", "purpose", "file_name")
    purposes: tuple[str, ...] = ("fine-tune", "eval", "eval-sample", "eval-output", "batch-api")
    fields: tuple[str, ...] = _TOGETHER_FIELDS

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:
        """Read a create, which may name a window and the model."""
        draft = super().read_create({"completion_window": "24h"} | sent, files, model)
        if sent.get("model_id", draft.model) != draft.model:
            raise self.refuse("model_id differs from the model of the requests.")
        return draft

    def show(self, job: Job, url: str) -> Json:  # noqa: ARG002 - the form's
        """Tell of a batch."""
        created = datetime.fromtimestamp(job.created, UTC)
        problem = job.draft.problem if job.has_ended else None
        return {
            "id": job.id,
            "user_id": "user_1",
            "input_file_id": job.draft.sent["input_file_id"],
            "file_size_bytes": 0,
            "status": job.end.value.upper() if job.has_ended else _TOGETHER[job.stage],
            "job_deadline": (created + timedelta(days=1)).isoformat(),
            "created_at": created.isoformat(),
            "completed_at": created.isoformat() if job.has_ended else None,
            "endpoint": job.draft.endpoint,
            "progress": 100.0 * len(job.done) / max(1, len(job.draft.lines)),
            "model_id": job.draft.model,
            "output_file_id": job.files.get("output") if job.has_ended else None,
            "error_file_id": job.files.get("error") if job.has_ended else None,
            "error": f"{problem.code}: {problem.message}" if problem else None,
        }

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""
        return {"job": self.show(job, url), "warning": None}

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> list[Json]:  # noqa: ARG002 - the form's
        """Tell of all of them."""
        return [self.show(job, url) for job in jobs]


@dataclass(frozen=True)
class MistralBatches(OpenAIBatches):
    """`POST /v1/batch/jobs`."""

    name: str = "mistral"
    endpoints: tuple[str, ...] = ("/v1/chat/completions",)
    most_lines: int = 100_000  # https://docs.mistral.ai/resources/known-limitations
    page: int | None = 100
    most_bytes: int = 512_000_000
    fields: tuple[str, ...] = (*_MISTRAL_FIELDS, "agent_id", "metadata", "timeout_hours")

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:  # noqa: ARG002 - the form's
        """Read a create, of files or of inline requests."""
        if unknown := sent.keys() - set(self.fields):
            raise self.refuse(f"{min(unknown)}: Extra inputs are not permitted")
        hours = sent.get("timeout_hours", 24)
        if type(hours) is not int or hours < 1:
            raise self.refuse("timeout_hours: Input should be a valid integer, 1 or more")
        if sent.get("endpoint") not in self.endpoints or not isinstance(sent.get("model"), str):
            raise self.refuse("endpoint and model: Field required")
        self.check_metadata(sent.get("metadata") or {})
        ids = sent.get("input_files") or []
        if bool(ids) == bool(sent.get("requests")):
            raise self.refuse("One of input_files and requests is required.")
        rows = [json.dumps(each).encode() for each in sent.get("requests") or []]
        for file in map(files.find, ids):
            if file is None or file.purpose != self.purpose:
                raise self.refuse("input_files: no such file of that purpose.")
            rows += file.content.splitlines()
        named = (b"".join(self._name(row, sent) for row in rows), sent["endpoint"], self.most_lines)
        lines, problem = read_lines(*named)
        kept = {name: value for name, value in sent.items() if name != "requests"}
        return Draft(sent["model"], sent["endpoint"], tuple(lines), kept, problem)

    def _name(self, row: bytes, sent: Json) -> bytes:
        """Give a line what the job says for all of them, as OpenAI's lines say it."""
        try:
            line = json.loads(row)
            line["body"] = line["body"] | {"model": sent["model"]}
        except (ValueError, KeyError, TypeError):
            return row + b"\n"
        return json.dumps(line | {"method": "POST", "url": sent["endpoint"]}).encode() + b"\n"

    def show(self, job: Job, url: str) -> Json:  # noqa: ARG002 - the form's
        """Tell of a job."""
        sent, problem = job.draft.sent, job.draft.problem if job.has_ended else None
        done = {how: sum(each.how == how for each in job.done) for how in ("succeeded", "errored")}
        return {
            "id": job.id,
            "object": "batch",
            "input_files": sent.get("input_files") or [],
            "endpoint": job.draft.endpoint,
            "model": job.draft.model,
            "metadata": sent.get("metadata"),
            "errors": [_show_problem(problem)] if problem else [],
            "status": _MISTRAL_ENDS[job.end] if job.has_ended else _MISTRAL[job.stage],
            "created_at": int(job.created),
            "started_at": int(job.created) if job.done else None,
            "completed_at": int(job.created) if job.has_ended else None,
            "total_requests": len(job.draft.lines),
            "completed_requests": len(job.done),
            "succeeded_requests": done["succeeded"],
            "failed_requests": done["errored"],
            "output_file": job.files.get("output") if job.has_ended else None,
            "error_file": job.files.get("error") if job.has_ended else None,
        }

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json:  # noqa: ARG002 - the form's
        """Tell of a page of them."""
        data = [self.show(job, url) for job in jobs]
        return {"object": "list", "data": data, "total": len(jobs)}


def _show_problem(problem: Problem) -> Json:
    return {"message": f"{problem.code}: {problem.message}", "count": 1}
