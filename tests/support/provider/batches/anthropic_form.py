"""Batches in Anthropic's form: `/v1/messages/batches`, inline requests, results at an address.

Fields: the package `anthropic` 2.14.0, types/messages/message_batch.py and its neighbours, and
https://platform.claude.com/docs/en/build-with-claude/batch-processing. Nothing names a batch but
the custom ids of its results. Parameters are validated when they are worked on: a bad one is a line
that erred, and no batch fails as a whole.
"""

import re
from datetime import UTC, datetime, timedelta

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Done, Draft, Job, Json, Line, Stage

MOST_LINES = 100_000
_PATH = "/v1/messages"
_ERRORS = {
    400: "invalid_request_error",
    402: "billing_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


class AnthropicBatches:
    """`POST /v1/messages/batches`."""

    name = "anthropic"
    page = 20
    created = 200
    most_bytes = 256_000_000

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:  # noqa: ARG002 - the form's
        """Read a create."""
        if unknown := set(sent) - {"requests"}:
            raise self._refuse(f"{min(unknown)}: Extra inputs are not permitted")
        requests = sent.get("requests")
        if not isinstance(requests, list) or not 1 <= len(requests) <= MOST_LINES:
            raise self._refuse(f"requests: List should have 1 to {MOST_LINES} items")
        ids: set[str] = set()
        for number, each in enumerate(requests):
            custom_id = each.get("custom_id")
            if not re.fullmatch("[A-Za-z0-9_-]{1,64}", str(custom_id)):
                raise self._refuse(f"requests.{number}.custom_id: String should match the pattern")
            if custom_id in ids:
                raise self._refuse(f"requests.{number}.custom_id: must be unique in the batch")
            if not isinstance(each.get("params"), dict):
                raise self._refuse(f"requests.{number}.params: Field required")
            if unknown := set(each) - {"custom_id", "params"}:
                message = f"requests.{number}.{min(unknown)}: Extra inputs are not permitted"
                raise self._refuse(message)
            ids.add(str(custom_id))
        lines = tuple(Line(each["custom_id"], _PATH, each["params"]) for each in requests)
        return Draft(str(lines[0].body.get("model", "")), _PATH, lines, {})

    def _refuse(self, message: str) -> RefusedError:
        return RefusedError(400, self.error(400, message))

    def show(self, job: Job, url: str) -> Json:
        """Tell of a batch."""
        created = datetime.fromtimestamp(job.created, UTC)
        results = f"{url}/v1/messages/batches/{job.id}/results"
        status = "canceling" if job.stage == Stage.CANCELLING else "in_progress"
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if job.has_ended else status,
            "request_counts": self._count(job),
            "created_at": created.isoformat(),
            "expires_at": (created + timedelta(days=1)).isoformat(),
            "ended_at": created.isoformat() if job.has_ended else None,
            "archived_at": None,
            "cancel_initiated_at": created.isoformat() if job.cancelled else None,
            "results_url": results if job.has_ended else None,
        }

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""
        return self.show(job, url)

    def _count(self, job: Job) -> Json:
        names = {"errored": "errored", "canceled": "cancelled", "expired": "expired"}
        hows = names | {"succeeded": "succeeded"}
        if not job.has_ended:
            return {"processing": len(job.draft.lines)} | dict.fromkeys(hows, 0)
        ended = {name: sum(each.how == how for each in job.done) for name, how in hows.items()}
        return {"processing": 0} | ended

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json:
        """Tell of a page of them."""
        ids = [job.id for job in jobs]
        data = [self.show(job, url) for job in jobs]
        ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        return {"data": data, "has_more": more, **ends}

    def sort(self, done: Done) -> str:  # noqa: ARG002 - the form's
        """Return the file of a result: all are in one."""
        return "output"

    def write(self, done: Done) -> Json:
        """Write a result."""
        result: Json = {"type": {"cancelled": "canceled"}.get(done.how, done.how)}
        if done.how == "succeeded":
            result["message"] = done.body
        elif done.how == "errored":
            result["error"] = done.body
        return {"custom_id": done.line.custom_id, "result": result}

    def error(self, status: int, message: str) -> Json:
        """Write an error object."""
        error = {"type": _ERRORS.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": "req_of_a_batch"}
