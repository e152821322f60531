"""Routes of files and batches in OpenAI's form, and of Mistral's jobs beside the same files."""

from aiohttp import BodyPartReader, web

from tests.support.provider.batches.counter import Counter
from tests.support.provider.batches.files import StoredFile
from tests.support.provider.batches.form import RefusedError
from tests.support.provider.batches.job import Json
from tests.support.provider.batches.openai_form import OpenAIBatches


class FileRoutes:
    """`POST /files` and what is asked of files, at one prefix of the address."""

    def __init__(self, counter: Counter, form: OpenAIBatches) -> None:
        self._counter, self._form = counter, form

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(f"{prefix}{self._form.upload[0]}", self._upload),
            web.get(f"{prefix}/files", self._list),
            web.get(f"{prefix}/files/{{id}}", self._show),
            web.delete(f"{prefix}/files/{{id}}", self._delete),
            web.get(f"{prefix}/files/{{id}}/content", self._send),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        parts: dict[str, bytes] = {}
        name = ""
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                parts[str(part.name)] = bytes(await part.read())
                name = part.filename or name
        for needed in ("file", *self._form.upload[1:]):
            if needed not in parts:
                raise self._refuse(400, f"Missing required parameter: '{needed}'.")
        purpose = parts["purpose"].decode()
        if purpose not in self._form.purposes:
            raise self._refuse(400, f"'{purpose}' is not one of {list(self._form.purposes)}.")
        if len(parts["file"]) > self._form.most_bytes:
            raise self._refuse(413, f"The file is larger than {self._form.most_bytes} bytes.")
        file_id = await self._counter.store(request, name, purpose, parts["file"])
        return web.json_response(show_file(self._find(file_id)))

    async def _list(self, _request: web.Request) -> web.Response:
        data = [show_file(file) for file in self._counter.desk.files.newest_first]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(show_file(self._find(request.match_info["id"])))

    async def _delete(self, request: web.Request) -> web.Response:
        deleted = self._find(request.match_info["id"])
        self._counter.desk.files.delete(deleted.id)
        return web.json_response({"id": deleted.id, "object": "file", "deleted": True})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        file = self._find(request.match_info["id"])
        if not file.batch:
            return web.Response(body=file.content, content_type="application/octet-stream")
        job = self._counter.desk.find_any(file.batch)
        if job is None:
            raise self._refuse(404, f"No such File object: {file.id}")
        return await self._counter.send_results(request, job, file.results)

    def _find(self, file_id: str) -> StoredFile:
        file = self._counter.desk.files.find(file_id)
        if file is None:
            raise self._refuse(404, f"No such File object: {file_id}")
        return file

    def _refuse(self, status: int, message: str) -> RefusedError:
        return RefusedError(status, self._counter.form.error(status, message))


class BatchRoutes:
    """`/batches`, or what a form calls them, where a batch tells of files with its results."""

    def __init__(self, counter: Counter, after: str = "after", size: str = "limit") -> None:
        self._counter = counter
        self._after, self._size = after, size

    def routes(self, path: str) -> list[web.RouteDef]:
        """Return the routes at a path."""
        return [
            web.post(path, self._counter.create),
            web.get(path, self._list),
            web.get(f"{path}/{{id}}", self._poll),
            web.post(f"{path}/{{id}}/cancel", self._cancel),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return self._counter.show_list(request, self._size, self._after)

    async def _poll(self, request: web.Request) -> web.Response:
        return self._counter.show(request, await self._counter.poll(request, _id(request)))

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self._counter.find(_id(request))
        await self._counter.desk.cancel(job)
        return self._counter.show(request, job)


def _id(request: web.Request) -> str:
    return request.match_info["id"]


def show_file(file: StoredFile) -> Json:
    """Tell of a file, with all that any form says of one."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": file.created,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "sample_type": "batch_request",  # Mistral's own, as `source`
        "source": "upload",
        "FileType": "jsonl",  # Together's own
    }
