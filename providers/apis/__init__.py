"""How each API is spoken to; one module for each."""

from providers.apis.anthropic_messages import build_headers, build_messages_url, build_prompt
from providers.apis.count_tokens import find_count_api, parse_token_count

__all__ = [
    "build_headers",
    "build_messages_url",
    "build_prompt",
    "find_count_api",
    "parse_token_count",
]
