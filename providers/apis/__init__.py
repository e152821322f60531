"""One module for each API: its addresses, headers and bodies, and how its responses are read.

Reading order: `api` (what each implements), `kinds` (which API a provider speaks); the four APIs,
`chat_completions`, `responses` (its output in `response_items`), `anthropic_messages` and
`generate_content` (its output in `candidates`); what they share, `request_options` (what all put in
a body), `finish_reasons`, `openai_usage`, `response_fields`; and `count_tokens` (count endpoints).
"""

from providers.apis.api import Api
from providers.apis.count_tokens import (
    CountTokensApi,
    google_model_url,
    native_google_url,
    parse_token_count,
)
from providers.apis.finish_reasons import name_finish
from providers.apis.kinds import API_KINDS, find_api, find_count_api
from providers.apis.request_options import build_request_options

__all__ = [
    "API_KINDS",
    "Api",
    "CountTokensApi",
    "build_request_options",
    "find_api",
    "find_count_api",
    "google_model_url",
    "name_finish",
    "native_google_url",
    "parse_token_count",
]
