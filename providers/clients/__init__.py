"""What programs' own clients send and are sent: read, written on and put together, without I/O.

Reading order: `operations` (what a path asks for), `bodies` (what is asked of a model, and what its
price depends on), `streams` (answers as they come), `refusals` (errors that clients do not retry).
"""

from providers.clients.bodies import (
    CHAT_LIMITS,
    ClientApi,
    ClientCall,
    parse_quietly,
    read_call,
    write_body,
    write_json,
)
from providers.clients.operations import Operation, OperationKind, find_operation
from providers.clients.refusals import write_refusal, write_stream_error
from providers.clients.streams import StreamAssembler

__all__ = [
    "CHAT_LIMITS",
    "ClientApi",
    "ClientCall",
    "Operation",
    "OperationKind",
    "StreamAssembler",
    "find_operation",
    "parse_quietly",
    "read_call",
    "write_body",
    "write_json",
    "write_refusal",
    "write_stream_error",
]
