"""An interceptor in the test's own process, before a door that answers with what it was handed."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from providers.registry import builtin_providers
from runner.gateway.door import Door
from runner.gateway.intercept.hosts import find_known_hosts
from runner.gateway.intercept.identity import Identity, make_identity
from runner.gateway.intercept.interceptor import Interceptor
from tests.runner.gateway.door.opened import echo

HOSTS = find_known_hosts(builtin_providers())
OPENAI = "api.openai.com"


@dataclass
class Intercepted:
    """A proxy, and a client that was told to trust its certificate."""

    proxy: Interceptor
    identity: Identity

    async def ask(
        self, host: str = OPENAI, path: str = "/v1/chat/completions", **options: Any
    ) -> tuple[int, bytes]:
        """Send a call to a host through the proxy, and return the status and the body."""
        return await asyncio.to_thread(self._ask, host, path, **options)

    def _ask(
        self,
        host: str,
        path: str,
        *,
        port: int = 443,
        secret: str | None = None,
        trusted: bytes | None = None,
        headers: dict[str, str] | None = None,
        alpn: tuple[str, ...] = ("h2", "http/1.1"),
    ) -> tuple[int, bytes]:
        url = urlsplit(self.proxy.url)
        user = f"afcost:{url.password if secret is None else secret}".encode()
        tls = ssl.create_default_context(
            cadata=(self.identity.authority if trusted is None else trusted).decode()
        )
        tls.set_alpn_protocols(list(alpn))
        client = http.client.HTTPSConnection("127.0.0.1", url.port, timeout=20, context=tls)
        login = {"Proxy-Authorization": f"Basic {base64.b64encode(user).decode()}"}
        client.set_tunnel(host, port, login)
        try:
            client.request("POST", path, json.dumps({"model": "m"}), headers or {})
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    async def say(self, text: bytes, then: bytes = b"") -> bytes:
        """Send bytes to the proxy, and return what it answers before it closes.

        Args:
            text: that is sent.
            then: what is sent once the proxy has connected; only what it answers to that counts.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(self.proxy.url).port)
        writer.write(text.replace(b"SECRET", base64.b64encode(self._user())))
        if then:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(then)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer

    def _user(self) -> bytes:
        return f"afcost:{urlsplit(self.proxy.url).password}".encode()


@asynccontextmanager
async def opened_interceptor(folder: Path, **options: Any) -> AsyncIterator[Intercepted]:
    """Open a door with a proxy before it."""
    identity = make_identity(HOSTS.providers, folder)
    async with asyncio.timeout(60), Door(echo, note=print) as door:
        take = door.take_hosts(HOSTS.providers, identity.tls)
        async with Interceptor(HOSTS, take, **options) as proxy:
            yield Intercepted(proxy, identity)
