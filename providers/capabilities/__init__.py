"""Capabilities: what a model takes at a provider, as dated data with its sources.

In reading order: `capability` (the record), `record_fields` (how a row writes its fields), `rows`
(`capabilities.yaml`), `lookup` (which rows a model's record is put together from), `citation` (how
sentences name its sources), `asked_reasoning` (what the fields of a request say about reasoning),
`reasoning` (whether a request reasons), `reasoning_check` and `reasoning_fields` (what is refused
of it, and how it is asked for), `field_rules` (what becomes of each other field), `verdict_schema`
(how a judge's schema is asked for), `choices` (how many answers one request may ask for),
`sent_fields` (all of what is sent).
"""

from providers.capabilities.capability import Capability, FieldRule, capability_from_json
from providers.capabilities.choices import count_choices, repeats_prompt
from providers.capabilities.citation import cite
from providers.capabilities.lookup import find_capability
from providers.capabilities.reasoning import ReasoningState, can_stop, find_reasoning
from providers.capabilities.rows import load_ways, parse_record
from providers.capabilities.sent_fields import SentFields, build_sent_fields, supports_prefill
from providers.capabilities.verdict_schema import takes_schema

__all__ = [
    "Capability",
    "FieldRule",
    "ReasoningState",
    "SentFields",
    "build_sent_fields",
    "can_stop",
    "capability_from_json",
    "cite",
    "count_choices",
    "find_capability",
    "find_reasoning",
    "load_ways",
    "parse_record",
    "repeats_prompt",
    "supports_prefill",
    "takes_schema",
]
