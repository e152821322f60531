"""Records made by hand, with ways to ask for reasoning of their own: the data has no part in it."""

from __future__ import annotations

from providers.capabilities import Capability, FieldRule

WAYS = {
    "effort": {"level": {"reasoning_effort": "LEVEL"}, "off": {"reasoning_effort": "none"}},
    "object": {
        "level": {"reasoning": {"effort": "LEVEL"}},
        "budget": {"reasoning": {"max_tokens": "TOKENS"}},
        "off": {"reasoning": {"enabled": False}},
    },
    "budget": {
        "budget": {"thinking": {"type": "enabled", "budget_tokens": "TOKENS"}},
        "off": {},
    },
    "adaptive": {
        "level": {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "LEVEL"},
        },
        "off": {"thinking": {"type": "disabled"}},
    },
    "between": {
        "level": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "LEVEL"}},
        "off": {"thinking": {"type": "between_tools"}},
    },
    "switch": {
        "on": {"chat_template_kwargs": {"enable_thinking": True}},
        "off": {"chat_template_kwargs": {"enable_thinking": False}},
    },
}
TAKEN = FieldRule()


def record(**values) -> Capability:
    """Make a record of a model that takes a temperature, with a source."""
    fields = {"temperature": TAKEN} | values.pop("fields", {})
    return Capability(fields=fields, sources=("a page",), sure="high", **values)


ALWAYS = record(
    reasons="always", asked_by="effort", levels=("low", "medium", "high"), default_level="medium"
)
DEFAULT = record(
    reasons="default",
    stops=True,
    asked_by="effort",
    levels=("low", "medium", "high"),
    default_level="medium",
)
ON_REQUEST = record(
    reasons="on_request",
    asked_by="budget",
    budget=(1024, 32_000),
    budgets={"low": 2048, "medium": 8192, "high": 16_384},
)
ADAPTIVE = record(
    reasons="on_request",
    asked_by="adaptive",
    levels=("low", "high", "max"),
    default_level="high",
)
SWITCH = record(reasons="default", stops=True, asked_by="switch")
NEVER = record(reasons="never")
UNKNOWN = record()
