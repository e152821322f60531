"""Our own provider, which misbehaves as told and keeps its own bill.

    with run_provider(Behaviour(faults=(Fault("500_after", calls=(2,)),))) as provider:
        ...  # POST to f"{provider.url}/v1/chat/completions", .../v1/messages, .../v1/responses
        ...  # or .../v1beta/models/MODEL:generateContent
        assert provider.bill().output_tokens == 64

It runs in a process of its own, so its bill survives the client being killed. `exchange.py` says
how one call goes, `batches/routes.py` where batches are taken. `GET /bill` gives the account,
`GET /arrived` waits until there were so many calls, `POST /reset` empties the account and takes a
new behaviour. By hand:

    python -m tests.support.provider.server --port 8000 --behaviour behaviour.json
"""

import asyncio
import contextlib
import dataclasses
import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support import process
from tests.support.provider.api_formats import Anthropic, OpenAI, Wire
from tests.support.provider.batches.desk import BatchAccount
from tests.support.provider.batches.routes import Batches
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Bill, BilledCall, Till
from tests.support.provider.caching.prefix_cache import PrefixCache
from tests.support.provider.exchange import Exchange, key_fits
from tests.support.provider.flaky_socket import FlakySocket
from tests.support.provider.gate import Gate
from tests.support.provider.newer_formats import Google, Responses
from tests.support.provider.outages import OutageClock

LARGEST_BODY = 512 * 2**20  # batches come whole
WIRES: dict[str, Wire] = {
    "/v1/chat/completions": OpenAI(),
    "/v1/messages": Anthropic(),
    "/v1/responses": Responses(),
    "/api/v1/chat/completions": OpenAI(),
    "/openai/v1/chat/completions": OpenAI(),
    "/v1/openai/chat/completions": OpenAI(),
    "/together/v1/chat/completions": OpenAI(),
}
GENERATE = "/{version:v1|v1beta}/models/{model}:{what:generateContent|streamGenerateContent}"


class Provider:
    """The server's side: it answers calls as the behaviour says and enters them in the till."""

    def __init__(self, behaviour: Behaviour, doors: tuple[FlakySocket, ...]) -> None:
        self._behaviour = behaviour
        self._clock = OutageClock(behaviour.outages)
        self._doors = doors
        self._till = Till()
        self._gate = Gate()
        self._cache = PrefixCache()
        self._batches = Batches(behaviour, self._till)

    def app(self) -> web.Application:
        """Lay out the endpoints."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.add_routes([web.post(path, self._call) for path in WIRES])
        app.add_routes([web.post(GENERATE, self._call)])
        app.add_routes([web.get("/{version:v1|v1beta}/models", self._models)])
        app.add_routes([web.get("/bill", self._bill), web.post("/reset", self._reset)])
        app.add_routes([web.get("/arrived", self._arrived), web.post("/hold", self._hold)])
        app.add_routes([web.get("/doors", self._list_doors), web.post("/forward", self._forward)])
        app.add_routes(self._batches.routes())
        return app

    async def _models(self, request: web.Request) -> web.Response:
        """List models, which is free; a wrong key is refused here as well."""
        if not key_fits(self._behaviour, request):
            return web.json_response({"error": {"message": "Incorrect API key."}}, status=401)
        if not self._behaviour.models:
            return web.json_response({"error": {"message": "Not found."}}, status=404)
        listed = {"data": [{"id": name} for name in self._behaviour.models]}
        native = {"models": [{"name": f"models/{name}"} for name in self._behaviour.models]}
        return web.json_response(listed | native)

    async def _list_doors(self, _request: web.Request) -> web.Response:
        """Tell at which addresses it listens."""
        return web.json_response([door.url for door in self._doors])

    async def _bill(self, _request: web.Request) -> web.Response:
        return web.json_response(dataclasses.asdict(self._till.bill()))

    async def _arrived(self, request: web.Request) -> web.Response:
        """Tell how many calls there were, as soon as there were enough or time is up."""
        enough, within = int(request.query["calls"]), float(request.query["within"])
        deadline = time.monotonic() + within
        while self._till.arrived < enough and time.monotonic() < deadline:  # noqa: ASYNC110 - a look
            await asyncio.sleep(0.001)
        return web.json_response(self._till.arrived)

    async def _reset(self, request: web.Request) -> web.Response:
        """Start a new account; calls still running stay with the old one."""
        text = await request.text()
        self._behaviour = Behaviour.from_json(text) if text else self._behaviour
        self._till = Till()
        self._clock = OutageClock(self._behaviour.outages)
        self._batches.reset(self._behaviour, self._till)
        await self._gate.hold_after(math.inf)
        self._cache = PrefixCache()
        return web.json_response({})

    async def _forward(self, request: web.Request) -> web.Response:
        """Set the clock of its cache forward."""
        self._cache.ahead += float(request.query["seconds"])
        return web.json_response({})

    async def _hold(self, request: web.Request) -> web.Response:
        """Hold the answers to later calls, or to none."""
        await self._gate.hold_after(float(request.query["after"]))
        return web.json_response({})

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """Take one call through the till, whatever becomes of it."""
        body = await request.json()
        till = self._till
        wire = WIRES.get(request.path, Google())
        if "model" in request.match_info:
            body = {"model": request.match_info["model"]} | body
        call = till.enter(request.path, str(body.get("model", "")))
        behaviour, model = self._behaviour, str(body.get("model", ""))
        outage = self._clock.strike(model)
        exchange = Exchange(behaviour, till, call, request, wire, self._gate, self._cache, outage)
        try:
            return await exchange.respond(body)
        finally:
            till.leave(call)
            fault = behaviour.fault(call, model) if outage is None else None
            for each in (outage, fault):
                if each is not None and each.kind == "refused":
                    self._door_of(request).shut(each.seconds)

    def _door_of(self, request: web.Request) -> FlakySocket:
        """Return the door by which a call came; the first one where the client has left."""
        name = request.transport.get_extra_info("sockname") if request.transport else None
        return next((door for door in self._doors if name and door.port == name[1]), self._doors[0])


@dataclasses.dataclass(frozen=True)
class ProviderHandle:
    """The test's side: where the provider is, its bill, and how to start over."""

    url: str

    def bill(self) -> Bill:
        """Ask for the account as it stands."""
        answer = json.loads(_http(f"{self.url}/bill"))
        calls = tuple(BilledCall(**call) for call in answer["calls"])
        return Bill(calls, answer["max_concurrent"])

    def arrived(self, calls: int, within: float) -> int:
        """Wait until there were so many calls, or these seconds are over; tell how many."""
        count: int = json.loads(_http(f"{self.url}/arrived?calls={calls}&within={within}"))
        return count

    def batches(self) -> tuple[BatchAccount, ...]:
        """Ask for all batches that came to be, whether or not a client was told."""
        told = self._account()["batches"]
        return tuple(
            BatchAccount(**each | {"custom_ids": tuple(each["custom_ids"])}) for each in told
        )

    def uploads(self) -> int:
        """Ask how many files of batches were sent, stored or not."""
        return int(self._account()["uploads"])

    def creates(self) -> int:
        """Ask how often batches were asked for, created or not."""
        return int(self._account()["creates"])

    def _account(self) -> dict[str, Any]:
        account: dict[str, Any] = json.loads(_http(f"{self.url}/account/batches"))
        return account

    def finish_batches(self) -> None:
        """Bring all batches to their ends, as time would, so that the bill has all their lines."""
        _http(f"{self.url}/finish", b"")

    def second_url(self) -> str:
        """Return its other address, where it can be away while it is there at the first one."""
        urls: list[str] = json.loads(_http(f"{self.url}/doors"))
        return urls[1]

    def reset(self, behaviour: Behaviour | None = None) -> None:
        """Empty the account; behave differently if told how."""
        text = behaviour.to_json() if behaviour is not None else ""
        _http(f"{self.url}/reset", text.encode())

    def forward(self, seconds: float) -> None:
        """Let time go by for its cache, without waiting."""
        _http(f"{self.url}/forward?seconds={seconds}", b"")

    def hold_after(self, calls: int) -> None:
        """Charge further calls after so many, and answer them only when they are released."""
        _http(f"{self.url}/hold?after={calls}", b"")

    def release(self) -> None:
        """Let all calls be answered."""
        _http(f"{self.url}/hold?after={math.inf}", b"")


def _http(url: str, body: bytes | None = None) -> bytes:
    """Ask, and ask again while its socket is shut."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, data=body, timeout=30) as answer:  # noqa: S310 - loopback
                content: bytes = answer.read()
        except urllib.error.HTTPError:
            raise
        except OSError:  # refused, or cut while it waited to be let in
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return content


@contextlib.contextmanager
def run_provider(behaviour: Behaviour | None = None) -> Iterator[ProviderHandle]:
    """Serve in a process of its own, on a free port of 127.0.0.1."""
    with process.run("provider.server") as url:
        provider = ProviderHandle(url)
        provider.reset(behaviour)
        yield provider


async def _serve(behaviour: Behaviour, port: int, *, until_stdin_closes: bool) -> None:
    """Serve until the parent leaves. A client that leaves ends its call: a stall stops then."""
    doors = FlakySocket(port), FlakySocket(0)
    app = Provider(behaviour, doors).app()
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    for door in doors:
        await door.open(runner)
    process.announce(doors[0].url, until_stdin_closes=until_stdin_closes)
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = process.arguments("serve a provider that misbehaves as told")
    parser.add_argument("--behaviour", type=Path, help="a Behaviour as JSON")
    options = parser.parse_args()
    behaviour = Behaviour()
    if options.behaviour is not None:
        behaviour = Behaviour.from_json(options.behaviour.read_text(encoding="utf-8"))
    asyncio.run(_serve(behaviour, options.port, until_stdin_closes=options.until_stdin_closes))


if __name__ == "__main__":
    main()
