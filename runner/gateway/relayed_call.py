"""RelayedCall: a program's call as it is sent on, and where its answer goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiment.prompts import Request
from providers.capabilities import Capability
from providers.clients import CHAT_LIMITS, ClientApi, ClientCall, Operation, write_body
from runner.gateway.client_reply import ClientReply
from runner.gateway.door import DoorCall
from runner.gateway.upstreams import Upstream

_SAYS_USAGE_UNASKED = ("mistral",)  # and refuses to be asked


@dataclass(eq=False, slots=True, repr=False)
class RelayedCall:
    """A call on its way.

    Attributes:
        call: as the program made it.
        upstream: where it goes.
        path: below the provider's address, with what is asked for behind it.
        headers: of the program's request.
        body: that is sent.
        reply: to the program.
    """

    call: ClientCall
    upstream: Upstream
    path: str
    headers: Mapping[str, str]
    body: bytes
    reply: ClientReply


def write_relayed(  # noqa: PLR0913 - what a call on its way is made of
    call: ClientCall,
    request: Request,
    takes: Capability,
    operation: Operation,
    upstream: Upstream,
    arrived: DoorCall,
    reply: ClientReply,
) -> RelayedCall:
    """Write what is sent on of a call.

    Args:
        call: as it was read.
        request: the same, as it is reserved.
        takes: what its model takes.
        operation: what it asks for.
        upstream: where it goes.
        arrived: the call as it came.
        reply: to its program.
    """
    provider = upstream.provider
    is_chat = operation.api is ClientApi.CHAT
    body = write_body(
        call,
        limit=request.max_tokens if call.limit is None else None,
        limit_field=takes.limit_field if is_chat and takes.limit_field in CHAT_LIMITS else None,
        tier=provider.standard_tier,
        asks_usage=provider.name not in _SAYS_USAGE_UNASKED,
    )
    stream = "?alt=sse" if operation.api is ClientApi.GENERATE and call.is_streamed else ""
    return RelayedCall(call, upstream, f"{operation.path}{stream}", arrived.headers, body, reply)
