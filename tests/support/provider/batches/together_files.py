"""Together's files: one request as its API page has it, or three as its package sends them.

The package `together` 3.1.1, lib/resources/files.py: it asks for an address (302, with the file's
id), puts the content there, which has no key, and has the file looked at.
"""

from aiohttp import web

from tests.support.provider.batches.counter import Counter, address
from tests.support.provider.batches.file_routes import show_file
from tests.support.provider.batches.form import RefusedError

_NEEDED = ("purpose", "file_name", "file_type")


class TogetherFileRoutes:
    """`POST /files`, and what follows it; `/files/upload` is as at others."""

    def __init__(self, counter: Counter, prefix: str) -> None:
        self._counter, self._prefix = counter, prefix
        self._asked: dict[str, tuple[str, str]] = {}  # upload -> name, purpose
        self._stored: dict[str, str] = {}  # upload -> file

    def routes(self) -> list[web.RouteDef]:
        """Return those that a key opens."""
        path = f"{self._prefix}/files"
        return [web.post(path, self._begin), web.post(f"{path}/{{id}}/preprocess", self._end)]

    def open_routes(self) -> list[web.RouteDef]:
        """Return those whose address is the key."""
        return [web.put(f"{self._prefix}/uploads/{{id}}", self._take)]

    async def _begin(self, request: web.Request) -> web.Response:
        sent = await request.post()
        if missing := [name for name in _NEEDED if name not in sent]:
            raise self._refuse(400, f"Missing required parameter: {missing[0]}")
        upload = f"upload-{len(self._asked) + 1}"
        self._asked[upload] = str(sent["file_name"]), str(sent["purpose"])
        to = f"{address(request)}{self._prefix}/uploads/{upload}"
        return web.Response(status=302, headers={"Location": to, "X-Together-File-Id": upload})

    async def _take(self, request: web.Request) -> web.Response:
        upload = request.match_info["id"]
        if upload not in self._asked:
            raise web.HTTPForbidden
        name, purpose = self._asked[upload]
        content = await request.read()
        self._stored[upload] = await self._counter.store(request, name, purpose, content)
        return web.Response()

    async def _end(self, request: web.Request) -> web.Response:
        file = self._counter.desk.files.find(self._stored.get(request.match_info["id"], ""))
        if file is None:
            raise self._refuse(404, "The file was not uploaded.")
        return web.json_response(show_file(file))

    def _refuse(self, status: int, message: str) -> RefusedError:
        return RefusedError(status, self._counter.form.error(status, message))
