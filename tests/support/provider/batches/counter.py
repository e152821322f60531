"""The HTTP side of batches: what is asked, what a fault makes of the answer, and its bytes."""

import asyncio
import json
from collections.abc import Iterable

from aiohttp import web

from tests.support.provider.batches.batch_behaviour import BatchFault
from tests.support.provider.batches.desk import Desk
from tests.support.provider.batches.form import Form, RefusedError
from tests.support.provider.batches.job import Job, Json
from tests.support.provider.batches.results import Result
from tests.support.provider.exchange import key_fits

LONGEST_STALL_SECONDS = 600.0
_STATUS = {"404": 404, "402": 402, "429": 429, "500": 500}
_SAID = {
    404: "Not found.",
    402: "Insufficient credits; add more to continue.",
    413: "The request is larger than it may be.",
    429: "Rate limit reached; try again later.",
    500: "The server had an error while processing your request.",
}


class Counter:
    """One form's answers to what its clients ask of batches."""

    def __init__(self, form: Form, desk: Desk) -> None:
        self.form = form
        self.desk = desk

    def admit(self, request: web.Request) -> None:
        """Refuse a wrong key."""
        if not key_fits(self.desk.behaviour, request):
            raise RefusedError(401, self.form.error(401, "Incorrect API key provided."))

    async def store(self, request: web.Request, name: str, purpose: str, content: bytes) -> str:
        """Keep an uploaded file, and return its id; a fault ends here, with its own answer."""
        fault = self.desk.fault_of_upload()
        if fault is not None and fault.kind not in ("upload_lost", "upload_stall"):
            raise await self.fail(request, fault.kind, fault)
        stored = self.desk.files.store(name, purpose, content)
        if fault is not None:
            raise await self.fail(request, fault.kind, fault)
        return stored.id

    async def create(self, request: web.Request, model: str = "") -> web.Response:
        """Create a batch."""
        content = await request.read()
        if len(content) > self.form.most_bytes:
            raise RefusedError(413, self.form.error(413, _SAID[413]))
        sent = json.loads(content)
        draft = self.form.read_create(sent, self.desk.files, model)
        fault = self.desk.fault_of_create(draft.model)
        if fault is not None and fault.kind in (
            "create_402",
            "create_429",
            "create_500",
            "create_cut",
        ):
            raise await self.fail(request, fault.kind, fault)
        job = self.desk.open(self.form, draft)
        shown = json.dumps(self.form.show_created(job, address(request)))
        if fault is not None and fault.kind != "create_malformed":
            raise await self.fail(request, fault.kind, fault)
        text = shown if fault is None else shown[: len(shown) // 2]
        return web.Response(text=text, status=self.form.created, content_type="application/json")

    async def poll(self, request: web.Request, job_id: str) -> Job:
        """Return a batch, brought on by a step."""
        job = self.find(job_id)
        for kind in ("poll_404", "poll_429", "poll_500", "poll_cut"):
            if job.strikes(kind):
                raise await self.fail(request, kind, job.faults[kind])
        await self.desk.poll(self.form, job)
        return job

    def find(self, job_id: str) -> Job:
        """Return a batch as it stands."""
        job = self.desk.find(self.form, job_id)
        if job is None:
            raise RefusedError(404, self.form.error(404, f"No batch {job_id!r} was found."))
        return job

    def show(self, request: web.Request, job: Job) -> web.Response:
        """Tell of a batch."""
        return web.json_response(self.form.show(job, address(request)))

    def show_list(self, request: web.Request, size: str, after: str) -> web.Response:
        """Tell of a page of batches; `size` and `after` are what its parameters are called."""
        jobs = self.desk.list_jobs(self.form)
        count = int(request.query.get(size, self.form.page or 0))
        if self.form.page is None:
            count = len(jobs)
        known = [job.id for job in jobs]
        start = request.query.get(after)
        if start and after == "page":  # numbers of pages, from 0
            jobs = jobs[int(start) * count :]
        elif start:
            jobs = jobs[known.index(start) + 1 :] if start in known else []
        page = self.form.show_list(jobs[:count], address(request), more=len(jobs) > count)
        return web.json_response(page)

    async def send_results(
        self, request: web.Request, job: Job, results: Iterable[Result]
    ) -> web.StreamResponse:
        """Send results as lines."""
        lines = list(results)
        text = "".join(f"{each.text}\n" for each in lines)
        return await self._deliver(request, job, lines, text, "application/octet-stream")

    async def send_inline(
        self, request: web.Request, job: Job, shown: Json, place: tuple[str, ...]
    ) -> web.StreamResponse:
        """Send a batch with its results at a place in it, a list; nothing where it has none."""
        file = self.desk.files.find(job.files.get("output", ""))
        if file is None:
            return web.json_response(shown)
        inner = shown
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        inner[place[-1]] = _MARK
        results = ", ".join(_as_json(each.text) for each in file.results)
        text = json.dumps(shown).replace(f'"{_MARK}"', f"[{results}]")
        return await self._deliver(request, job, list(file.results), text, "application/json")

    async def _deliver(
        self, request: web.Request, job: Job, results: list[Result], text: str, kind: str
    ) -> web.StreamResponse:
        """Send what holds results, or what a fault leaves of it."""
        for fault in ("results_404", "results_500"):
            if job.strikes(fault):
                raise await self.fail(request, fault, job.faults[fault])
        content = text.encode()
        half = content[: len(content) // 2]
        for fault in ("results_cut", "results_stall"):
            if job.strikes(fault):
                return await self._break_off(request, half, len(content), fault)
        if job.strikes("results_short"):
            return web.Response(body=half, content_type=kind)
        headers = {"Content-Length": str(len(content)), "Content-Type": kind}
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        await answer.write(content)
        await answer.write_eof()
        if request.transport is not None and not request.transport.is_closing():
            for call in {each.call for each in results if each.call is not None}:
                self.desk.till.deliver(call)
        return answer

    async def _break_off(
        self, request: web.Request, half: bytes, length: int, fault: str
    ) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(length)})
        await answer.prepare(request)
        await answer.write(half)
        if fault == "results_stall":
            await asyncio.sleep(LONGEST_STALL_SECONDS)
        if request.transport is not None:
            request.transport.close()
        return answer

    async def fail(self, request: web.Request, kind: str, fault: BatchFault) -> Exception:
        """Return the refusal of a fault, or close the connection under the client's feet."""
        if kind.endswith("_stall"):
            await asyncio.sleep(LONGEST_STALL_SECONDS)
        status = _STATUS.get(kind.rsplit("_", 1)[1])
        if status is None:
            if request.transport is not None:
                request.transport.close()
            return RefusedError(500, {})  # goes nowhere
        waits = {"Retry-After": f"{fault.retry_after:g}"} if status == _STATUS["429"] else {}
        return RefusedError(status, self.form.error(status, _SAID[status]), waits)


_MARK = "the results"


def _as_json(text: str) -> str:
    """Return a result in a list; one that breaks off becomes a text, or nothing could be read."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


def address(request: web.Request) -> str:
    """Return the address that a request came to."""
    return f"http://{request.host}"
