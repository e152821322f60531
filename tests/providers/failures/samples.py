"""Errors as providers send them, and how they are read."""

import json
from collections.abc import Mapping

from providers.failures import Failure, read_failure
from providers.provider import Provider
from providers.registry import builtin_providers

OWN = {
    "lab": Provider("lab", "openai", "http://localhost:1/v1"),
    "lab-anthropic": Provider("lab", "anthropic", "http://localhost:1"),
    "lab-google": Provider("lab", "google", "http://localhost:1"),
    "llama.cpp": Provider("llama.cpp", "openai", "http://localhost:1/v1"),
    "sglang": Provider("sglang", "openai", "http://localhost:1/v1"),
    "perplexity": Provider("perplexity", "openai", "https://api.perplexity.ai"),
    "qwen": Provider("qwen", "openai", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
}


def find_provider(name: str) -> Provider:
    """Return a built-in provider, or one of the user's own."""
    return OWN.get(name) or builtin_providers()[name]


def write_body(body: object) -> bytes:
    """Return a body as it is sent."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def read(name: str, status: int, body: object, headers: Mapping[str, str] | None = None) -> Failure:
    """Read what a provider says."""
    return read_failure(find_provider(name), status, headers or {}, write_body(body), None)


def error(message: str = "It failed.", **fields: object) -> dict[str, object]:
    """Return a body in OpenAI's form."""
    return {"error": {"message": message, **fields}}
