"""Capabilities: what a model takes at a provider, as dated data with its sources.

In reading order: `capability` (the record), `rows` (`capabilities.yaml`, and which rows a model's
record is put together from), `reasoning` (whether a request reasons), `sent_fields` (what is sent
for the fields of an experiment, what is left out, and what is refused).
"""

from providers.capabilities.capability import Capability, FieldRule, capability_from_json
from providers.capabilities.reasoning import ReasoningState, find_reasoning
from providers.capabilities.rows import find_capability, load_ways
from providers.capabilities.sent_fields import SentFields, build_sent_fields

__all__ = [
    "Capability",
    "FieldRule",
    "ReasoningState",
    "SentFields",
    "build_sent_fields",
    "capability_from_json",
    "find_capability",
    "find_reasoning",
    "load_ways",
]
