"""Batches in OpenRouter's form: `/api/v1/batches`, inline requests, results in the batch itself.

Fields: the package `openrouter` 1.3.84, components/batchsubmitbody.py, batchobject.py and
batchlistresponse.py, and https://openrouter.ai/docs/batch-quickstart. A create is read as it comes
in: `endpoint` and `model` stand before `requests`. There is no cancelling; lists name no requests.
"""

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Done, Draft, End, Job, Json, Line, Stage

MOST_LINES = 5_000
_DAY_SECONDS = 86_400
_ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
_FIELDS = {"endpoint", "model", "requests", "callback_url", "completion_window", "provider"}
_STATUS = {
    Stage.VALIDATING: "validating",
    Stage.WORKING: "in_progress",
    Stage.FINALIZING: "finalizing",
    Stage.CANCELLING: "cancelling",
}
_UNDONE = {
    "expired": "The request was not executed before the batch expired.",
    "cancelled": "The request was not executed: the batch was cancelled.",
}


class OpenRouterBatches:
    """`POST /api/v1/batches`."""

    name = "openrouter"
    page = 20
    created = 202
    most_bytes = 200_000_000

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:  # noqa: ARG002 - the form's
        """Read a create."""
        fields = list(sent)
        if unknown := set(fields) - _FIELDS:
            raise self._refuse(f"Unrecognized key: {min(unknown)}")
        if sent.get("endpoint") not in _ENDPOINTS or not isinstance(sent.get("model"), str):
            raise self._refuse("endpoint and model are required.")
        if not isinstance(sent.get("requests"), list) or not sent["requests"]:
            raise self._refuse("requests: at least one is required.")
        if any(fields.index(each) > fields.index("requests") for each in ("endpoint", "model")):
            raise self._refuse("endpoint and model must come before requests.")
        self._check_head(sent)
        if len(sent["requests"]) > MOST_LINES:
            raise RefusedError(413, self.error(413, f"More than {MOST_LINES} requests."))
        lines = tuple(self._read_line(sent, each) for each in sent["requests"])
        if len({line.custom_id for line in lines}) < len(lines):
            raise self._refuse("custom_id must be unique.")
        kept = {name: value for name, value in sent.items() if name != "requests"}
        return Draft(sent["model"], sent["endpoint"], lines, kept)

    def _check_head(self, sent: Json) -> None:
        """Refuse what stands beside the requests, where it is nothing that there is."""
        if sent.get("completion_window", "24h") != "24h":
            raise self._refuse("completion_window: expected 24h.")
        if not str(sent.get("callback_url", "https://")).startswith("https://"):
            raise self._refuse("callback_url: must be HTTPS.")
        if unknown := set(sent.get("provider") or {}) - {"only", "allow_fallbacks"}:
            raise self._refuse(f"provider.{min(unknown)}: not supported in batches.")
        if str(sent["model"]).endswith(":online"):
            raise self._refuse("Web search is not supported in batches.")

    def _read_line(self, sent: Json, row: Json) -> Line:
        body = row.get("body")
        if not isinstance(body, dict) or not isinstance(row.get("custom_id"), str):
            raise self._refuse("requests: custom_id and body are required.")
        if body.get("stream"):
            raise self._refuse("Streams are not supported in batches.")
        if body.get("plugins") or body.get("web_search_options"):
            raise self._refuse("Web search is not supported in batches.")
        if "image" in body.get("modalities", ()):
            raise self._refuse("Image output is not supported in batches.")
        if body.get("model", sent["model"]) != sent["model"]:
            raise self._refuse("All requests must be for the batch's model.")
        return Line(row["custom_id"], sent["endpoint"], {"model": sent["model"]} | body)

    def _refuse(self, message: str) -> RefusedError:
        return RefusedError(400, self.error(400, message))

    def show(self, job: Job, url: str) -> Json:  # noqa: ARG002 - the form's
        """Tell of a batch; results are added where one is asked for."""
        problem = job.draft.problem
        failed = job.has_ended and job.end == End.FAILED and problem is not None
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": job.draft.endpoint,
            "model": job.draft.model,
            "provider": None,
            "completion_window": "24h",
            "status": job.end.value if job.has_ended else _STATUS[job.stage],
            "created_at": int(job.created),
            "expires_at": int(job.created) + _DAY_SECONDS,
            "finalized_at": int(job.created) if job.has_ended else None,
            "request_counts": {
                "total": len(job.draft.lines),
                "completed": sum(each.how == "succeeded" for each in job.done),
                "failed": sum(each.how == "errored" for each in job.done),
            },
            "results": None,
            "usage": None,
            "error": {"message": problem.message} if failed and problem else None,
        }

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""
        return self.show(job, url)

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json:
        """Tell of a page of them."""
        ids = [job.id for job in jobs]
        data = [self.show(job, url) for job in jobs]
        ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        return {"object": "list", "data": data, "has_more": more, **ends}

    def sort(self, done: Done) -> str:  # noqa: ARG002 - the form's
        """Return the file of a result: all are in one list."""
        return "output"

    def write(self, done: Done) -> Json:
        """Write a result."""
        told: Json = {"id": f"batch_req_{done.call or 0}", "custom_id": done.line.custom_id}
        if done.how == "succeeded":
            body = _name_native_finish(done.body)
            response = {"status_code": 200, "request_id": f"gen-{done.call}", "body": body}
            return told | {"response": response, "error": None}
        message = _UNDONE.get(done.how) or done.body["error"]["message"]
        kind = done.body["error"].get("type") if done.how == "errored" else f"batch_{done.how}"
        return told | {"response": None, "error": {"message": message, "type": kind, "param": None}}

    def error(self, status: int, message: str) -> Json:
        """Write an error object."""
        return {"error": {"code": status, "message": message}}


def _name_native_finish(body: Json) -> Json:
    """Add what it says of the finish at the provider that it asked, which its package requires."""
    if "choices" not in body:
        return body
    choices = [each | {"native_finish_reason": each["finish_reason"]} for each in body["choices"]]
    return body | {"choices": choices}
