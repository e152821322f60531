"""Bodies that clients send: read into what their price depends on, and written to be sent on.

Reading order: `client_call` (what a body is read into), `reading` (how), `fields` and
`fields.yaml` (what each field means for the price), `prompt` (what is collected) with `tools`; the
four APIs, `chat_body`, `responses_body`, `messages_body` and `generate_body`; `writing`;
`json_text`.
"""

from providers.clients.bodies.client_call import ClientApi, ClientCall
from providers.clients.bodies.json_text import parse_quietly, write_json
from providers.clients.bodies.reading import read_call
from providers.clients.bodies.writing import CHAT_LIMITS, write_body

__all__ = [
    "CHAT_LIMITS",
    "ClientApi",
    "ClientCall",
    "parse_quietly",
    "read_call",
    "write_body",
    "write_json",
]
