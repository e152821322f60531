"""Routes of batches in the forms of Anthropic, OpenRouter and Google."""

from aiohttp import web

from tests.support.provider.batches.counter import Counter, address
from tests.support.provider.batches.file_routes import BatchRoutes
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Job, Json


class AnthropicRoutes:
    """`/v1/messages/batches`."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        path = "/v1/messages/batches"
        return [
            *BatchRoutes(self._counter, "after_id").routes(path),
            web.get(f"{path}/{{id}}/results", self._send),
            web.delete(f"{path}/{{id}}", self._delete),
        ]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        job = self._counter.find(request.match_info["id"])
        file = self._counter.desk.files.find(job.files.get("output", ""))
        if file is None or not job.has_ended:
            raise _refuse(self._counter, 404, "The batch has no results yet.")
        return await self._counter.send_results(request, job, file.results)

    async def _delete(self, request: web.Request) -> web.Response:
        job = _find_ended(self._counter, request)
        self._counter.desk.delete(job)
        return web.json_response({"id": job.id, "type": "message_batch_deleted"})


class OpenRouterRoutes:
    """`/api/v1/batches`, whose polls hold the results."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        path = "/api/v1/batches"
        return [
            web.post(path, self._counter.create),
            web.get(path, self._list),
            web.get(f"{path}/{{id}}", self._poll),
            web.delete(f"{path}/{{id}}", self._delete),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return self._counter.show_list(request, "limit", "after")

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        job = await self._counter.poll(request, request.match_info["id"])
        shown = self._counter.form.show(job, address(request))
        if not job.has_ended:
            return web.json_response(shown)
        return await self._counter.send_inline(request, job, shown, ("results",))

    async def _delete(self, request: web.Request) -> web.Response:
        job = _find_ended(self._counter, request)
        self._counter.desk.delete(job)
        deletion = {"openrouter": "deleted"}
        return web.json_response({"id": job.id, "object": "batch", "deletion": deletion})


class GoogleRoutes:
    """`batchGenerateContent`, operations at `/batches`, files that come in two steps."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        version = "/v1beta"  # the package asks /v1 unless told, where batches are of OpenAI here
        download = version + "/files/{id}:download"
        return [
            web.post(version + "/models/{model}:batchGenerateContent", self._create),
            web.get(version + "/batches", self._list),
            web.get(version + "/batches/{id}", self._poll),
            web.post(version + "/batches/{id}:cancel", self._cancel),
            web.post("/upload" + version + "/files", self._upload),
            web.get(download, self._send),
            web.get("/download" + download, self._send),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        return await self._counter.create(request, request.match_info["model"])

    async def _list(self, request: web.Request) -> web.Response:
        return self._counter.show_list(request, "pageSize", "pageToken")

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        job = await self._counter.poll(request, request.match_info["id"])
        shown = self._counter.form.show(job, address(request))
        if not job.has_ended or "fileName" in job.draft.sent["inputConfig"]:
            return web.json_response(shown)
        for inner in (shown["metadata"], shown.get("response", {})):
            inner.pop("responsesFile", None)
            inner.pop("output", None)
        place = ("metadata", "output", "inlinedResponses", "inlinedResponses")
        return await self._counter.send_inline(request, job, shown, place)

    async def _cancel(self, request: web.Request) -> web.Response:
        await self._counter.desk.cancel(self._counter.find(request.match_info["id"]))
        return web.json_response({})

    async def _upload(self, request: web.Request) -> web.Response:
        """Start an upload, or take the file at the address that its start was told."""
        command = request.headers.get("X-Goog-Upload-Command", "")
        if command == "start":
            told = f"{address(request)}{request.path}?upload_id=1"
            return web.Response(
                headers={"X-Goog-Upload-URL": told, "X-Goog-Upload-Status": "active"}
            )
        if command != "upload, finalize":
            raise _refuse(self._counter, 400, "Invalid or missing X-Goog-Upload-Command.")
        content = await request.read()
        file_id = await self._counter.store(request, "upload", "batch", content)
        name = file_id.replace("file-", "files/")
        file = {"name": name, "sizeBytes": str(len(content)), "state": "ACTIVE"}
        uri = f"{address(request)}/v1beta/{name}"
        return web.json_response(
            {"file": file | {"uri": uri}}, headers={"X-Goog-Upload-Status": "final"}
        )

    async def _send(self, request: web.Request) -> web.StreamResponse:
        file = self._counter.desk.files.find(f"file-{request.match_info['id']}")
        if file is None or not file.batch:
            raise _refuse(self._counter, 404, "The file was not found, or cannot be downloaded.")
        return await self._counter.send_results(
            request, self._counter.find(file.batch), file.results
        )


def _find_ended(counter: Counter, request: web.Request) -> Job:
    job = counter.find(request.match_info["id"])
    if not job.has_ended:
        raise _refuse(counter, 409, "The batch has not ended.")
    return job


def _refuse(counter: Counter, status: int, message: str) -> RefusedError:
    body: Json = counter.form.error(status, message)
    return RefusedError(status, body)
