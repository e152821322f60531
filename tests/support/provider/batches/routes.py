"""All routes of batches: which form stands at which address.

    /v1/files, /v1/batches                  OpenAI
    /openai/v1/files, /openai/v1/batches    Groq: windows of 24 hours to 7 days
    /v1/openai/files, /v1/openai/batches    DeepInfra
    /together/v1/files/upload, .../batches  Together; /files as its package has it
    /v1/files, /v1/batch/jobs               Mistral
    /v1/messages/batches                    Anthropic
    /v1beta/models/MODEL:batchGenerateContent, /v1beta/batches, /upload/v1beta/files    Google
    /api/v1/batches                         OpenRouter

Calls of Groq, DeepInfra, Together and OpenRouter are taken there too. What the account knows is at
`/account/batches`; `POST /finish` brings all batches to their ends.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.provider.batches.anthropic_form import AnthropicBatches
from tests.support.provider.batches.counter import Counter
from tests.support.provider.batches.desk import Desk
from tests.support.provider.batches.file_routes import BatchRoutes, FileRoutes
from tests.support.provider.batches.form import Form, RefusedError
from tests.support.provider.batches.google_form import GoogleBatches
from tests.support.provider.batches.inline_routes import (
    AnthropicRoutes,
    GoogleRoutes,
    OpenRouterRoutes,
)
from tests.support.provider.batches.openai_form import OpenAIBatches
from tests.support.provider.batches.openai_like_forms import MistralBatches, TogetherBatches
from tests.support.provider.batches.openrouter_form import OpenRouterBatches
from tests.support.provider.batches.together_files import TogetherFileRoutes
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Till

_DAYS = r"(2[4-9]|[3-9]\d|1[0-5]\d|16[0-8])h|[1-7]d"
_CHAT = ("/v1/chat/completions",)
_TOGETHER = TogetherBatches()
_OPENAI_LIKE: dict[str, OpenAIBatches] = {
    "/v1": OpenAIBatches(),
    "/openai/v1": OpenAIBatches(
        "groq", _CHAT, _DAYS, page=None, most_bytes=100_000_000, purposes=("batch",)
    ),
    "/v1/openai": OpenAIBatches("deepinfra", (*_CHAT, "/v1/openai/chat/completions")),
    "/together/v1": _TOGETHER,
}
_ANTHROPIC, _GOOGLE, _OPENROUTER = AnthropicBatches(), GoogleBatches(), OpenRouterBatches()
_MISTRAL = MistralBatches()
FORMS: tuple[Form, ...] = (*_OPENAI_LIKE.values(), _MISTRAL, _ANTHROPIC, _GOOGLE, _OPENROUTER)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Batches:
    """The part of a provider that takes batches."""

    def __init__(self, behaviour: Behaviour, till: Till) -> None:
        self._desk = Desk(behaviour, till)

    def reset(self, behaviour: Behaviour, till: Till) -> None:
        """Forget all batches and files."""
        self._desk.reset(behaviour, till)

    def routes(self) -> list[web.RouteDef]:
        """Return all of them."""
        anthropic, google, openrouter, mistral = (
            Counter(form, self._desk) for form in (_ANTHROPIC, _GOOGLE, _OPENROUTER, _MISTRAL)
        )
        found = [
            *_guard(anthropic, AnthropicRoutes(anthropic).routes()),
            *_guard(google, GoogleRoutes(google).routes()),
            *_guard(openrouter, OpenRouterRoutes(openrouter).routes()),
            *_guard(mistral, BatchRoutes(mistral, "page", "page_size").routes("/v1/batch/jobs")),
            web.get("/account/batches", self._account),
            web.post("/finish", self._finish),
        ]
        for prefix, form in _OPENAI_LIKE.items():
            counter = Counter(form, self._desk)
            files, batches = FileRoutes(counter, form), BatchRoutes(counter)
            routes = [*files.routes(prefix), *batches.routes(f"{prefix}/batches")]
            if form is _TOGETHER:
                stepwise = TogetherFileRoutes(counter, prefix)
                routes += stepwise.routes()
                found += stepwise.open_routes()
            found += _guard(counter, routes)
        return found

    async def _account(self, _request: web.Request) -> web.Response:
        uploads, creates = self._desk.uploads, self._desk.creates
        account = {"uploads": uploads, "creates": creates, "batches": self._desk.account()}
        return web.json_response(account)

    async def _finish(self, _request: web.Request) -> web.Response:
        await self._desk.finish(FORMS)
        return web.json_response({})


def _guard(counter: Counter, routes: list[web.RouteDef]) -> list[web.RouteDef]:
    """Return routes that refuse a wrong key, and answer refusals in the form's own words."""
    return [
        web.RouteDef(each.method, each.path, _guard_one(counter, each.handler), each.kwargs)
        for each in routes
    ]


def _guard_one(counter: Counter, handler: Any) -> _Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            counter.admit(request)
            answered: web.StreamResponse = await handler(request)
        except RefusedError as error:
            return web.json_response(error.body, status=error.status, headers=error.headers)
        return answered

    return answer
