"""Streamed answers: passed on as they come, and put together as the API gives them unstreamed.

Reading order: `assembler` (what a relay uses), `event_stream` (bytes into events); the four APIs,
`chat_answer`, `responses_answer`, `messages_answer` and `generate_answer`; `merging`.
"""

from providers.clients.streams.assembler import StreamAssembler

__all__ = ["StreamAssembler"]
