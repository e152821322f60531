"""Sampling fields: which leave the price of a request alone, and which do not, with the reason.

Free fields are those of OpenAI, Anthropic, OpenRouter, Google, Mistral, DeepSeek, Groq, Together,
Fireworks, vLLM, Ollama, llama.cpp and others that only shape one text answer, which `max_tokens`
bounds. Priced fields select another price, which is looked up. Refused fields make other calls, add
text that was not counted, or send the request elsewhere. Any other field is unknown: it is written
in `extra`, and sent as it stands.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import Any

PRICED_FIELDS = frozenset({"service_tier", "speed", "inference_geo"})

_FREE = """
    max_tokens temperature top_p top_k min_p top_a typical_p seed random_seed stop stop_sequences
    logit_bias frequency_penalty presence_penalty repetition_penalty
    logprobs top_logprobs reasoning_effort reasoning reasoning_format reasoning_split
    include_reasoning separate_reasoning disable_reasoning thinking thinking_budget enable_thinking
    output_config verbosity response_format user safety_identifier metadata store prompt_cache_key
    modalities usage provider do_sample context_length_exceeded_behavior prompt_truncate_len
    truncate_prompt_tokens min_tokens ignore_eos stop_token_ids bad_words allowed_token_ids
    include_stop_str_in_output skip_special_tokens spaces_between_special_tokens length_penalty
    guided_json guided_regex guided_choice guided_grammar structured_outputs chat_template_kwargs
    num_ctx keep_alive repeat_penalty repeat_last_n mirostat mirostat_tau mirostat_eta
    mirostat_target mirostat_lr tfs_z top_n_sigma xtc_probability xtc_threshold
    dynatemp_range dynatemp_exponent dry_multiplier dry_base dry_allowed_length dry_penalty_last_n
    dry_sequence_breakers samplers grammar json_schema cache_prompt id_slot
"""
FREE_FIELDS = frozenset(_FREE.split())

_SET_BY_AFCOST = "is set by afcost; remove it"
_SAMPLES = "write `samples: N`; each sample is a separate request"
_LIMIT = "write `max_tokens`; it is sent under the provider's own field name"
_TOOLS = "afcost cannot price tool calls"
_SEARCHES = "afcost cannot price searches"
_PLUGINS = "afcost cannot price plugins"
_MEDIA = "afcost cannot price images, audio or video"
_ROUTES = "it sends the request to another model, which has another price"
_CACHE = "write `cache: auto` beside `sampling`; afcost then asks for what it has priced"
_ADDS_TEXT = "it adds text to the prompt, which is billed and was not counted"
_LATER = "afcost waits for the answer of each request"
_DIRECT = "write its fields directly into `sampling`"

_REASONS = {
    _SET_BY_AFCOST: """
        model messages system stream stream_options prompt input instructions
        continue_final_message add_generation_prompt""",
    _SAMPLES: "n best_of use_beam_search num_beams num_return_sequences candidate_count",
    _LIMIT: """
        max_completion_tokens max_output_tokens max_new_tokens max_tokens_to_sample max_length
        n_predict num_predict""",
    "write `batch: yes` beside the model's name, not into `sampling`": "processing batch",
    _TOOLS: """
        tools tool_choice tool_config parallel_tool_calls functions function_call mcp_servers
        container code_execution code_interpreter enable_code_interpreter compound_custom agent
        agents""",
    _PLUGINS: "plugins",
    _SEARCHES: """
        web_search web_search_options search_parameters search_settings enable_search
        search_options enable_web_search web_search_enabled online grounding browsing
        enable_browsing include_domains exclude_domains return_images return_related_questions
        return_citations""",
    _MEDIA: "audio images image_config video voice speech_config",
    _ROUTES: """
        models route fallbacks fallback_models fallback preset routing router
        safety_model draft_model""",
    "rejected tokens of a prediction are billed as well": "prediction speculation",
    _CACHE: "cache_control cached_content prompt_cache_retention prompt_cache_options",
    _ADDS_TEXT: """
        documents citations citation_options safe_prompt prompt_mode chat_template echo
        data_sources context_management""",
    _LATER: "background deferred",
    _DIRECT: "extra_body extra_headers extra_query headers options additional_parameters",
    "beta features have prices of their own": "betas anthropic_beta",
    "a reasoning mode may have a price of its own": "reasoning_mode mode",
}
REFUSED_FIELDS = {name: why for why, names in _REASONS.items() for name in names.split()}
# Of families whose next member will cost as the known ones do.
_REFUSED_PREFIXES = {
    **dict.fromkeys(
        ("websearch", "search", "livesearch", "googlesearch", "grounding", "urlcontext"), _SEARCHES
    ),
    **dict.fromkeys(
        ("tool", "mcp", "function", "codeexecution", "codeinterpreter", "filesearch"), _TOOLS
    ),
    **dict.fromkeys(("audio", "image", "video", "responsemodalit", "outputmodalit"), _MEDIA),
    **dict.fromkeys(("preset", "fallback"), _ROUTES),
    "plugin": _PLUGINS,
    **dict.fromkeys(("cachecontrol", "cachedcontent", "promptcache"), _CACHE),
}

# Free fields that hold fields of their own, and which of those are free.
_FREE_INSIDE = {
    "reasoning": {"effort", "max_tokens", "exclude", "enabled", "summary"},
    "thinking": {"type", "budget_tokens", "display", "keep", "clear_thinking"},
    "output_config": {"effort", "format"},
    "usage": {"include"},
    "provider": {
        *("order", "only", "ignore", "sort", "quantizations", "allow_fallbacks", "max_price"),
        *("require_parameters", "data_collection", "zdr", "enforce_distillable_text"),
        *("preferred_min_throughput", "preferred_max_latency"),
    },
}
# What these hold is named by the user: a schema, a template's variables, labels.
_FREELY_NAMED = {
    *("response_format", "json_schema", "guided_json", "structured_outputs"),
    *("metadata", "logit_bias"),
}
# What a field's value is in every API that has the field, and how that is said.
_TEXTS = (str, "a text or a list of texts")
_WHOLE = (int, "a whole number")
_FORMS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("stop", "stop_sequences"), _TEXTS),
    **dict.fromkeys(("seed", "random_seed", "top_k", "top_logprobs"), _WHOLE),
    "response_format": (dict, "fields, such as {type: json_object}"),
    "metadata": (dict, "fields, such as {run: a}"),
    "logit_bias": (dict, "fields, such as {50256: -100}"),
    "chat_template_kwargs": (dict, "variables, such as {enable_thinking: false}"),
}
# What a field of the user's may not hold, although it may be written by itself.
_REFUSED_INSIDE = {"modalities": _MEDIA, "maxtokens": _LIMIT}
_MAX_SHOWN = 40
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def check_sampling_field(name: object, value: object) -> None:
    """Check that a field of `sampling` may be sent.

    Raises:
        ValueError: it costs what cannot be priced, it is misspelt, it holds such a field, or what
            cannot be sent as JSON.
    """
    if name == "extra":
        _check_extra_fields(value)
        return
    check_field_name(name)
    field = str(name)
    _check_is_json(field, value)
    if field == "modalities" and value not in (None, ["text"]):
        raise ValueError(f"modalities is not allowed beside [text]: {_MEDIA}")
    if value is not None and field in _FORMS and not _has_form(value, _FORMS[field][0]):
        raise ValueError(f"{field}: expected {_FORMS[field][1]}")
    if field in _FREE_INSIDE:
        _check_known_inside(field, value)
    elif field in FREE_FIELDS and field not in _FREELY_NAMED | {"chat_template_kwargs"}:
        if any(True for _ in _names_inside(value)):
            raise ValueError(f"{field} holds fields; expected a plain value")
    elif field not in _FREELY_NAMED:
        _refuse_inside(field, value)


def _has_form(value: object, form: type) -> bool:
    """Return whether a value is of a form: fields, a whole number, or one or more texts."""
    parts = value if form is str and isinstance(value, list) else [value]
    return all(isinstance(each, form) and not isinstance(each, bool) for each in parts)


def _check_extra_fields(extra: object) -> None:
    """Check the fields of `extra`, which are sent as they stand.

    Raises:
        ValueError: it holds a field that may not be sent, or one whose price is looked up.
    """
    if extra is None:
        return
    if not isinstance(extra, dict):
        raise ValueError("extra: expected fields, such as {my_option: 1}")  # noqa: TRY004 - pydantic expects a ValueError
    for name, value in extra.items():
        if _simplify(str(name)) in _SIMPLE_IN_SAMPLING:
            raise ValueError(f"{name} in extra is not allowed: {_DIRECT}")
        if reason := _find_refusal(str(name)):
            said = reason if reason is _SET_BY_AFCOST else f"is not allowed: {reason}"
            raise ValueError(f"{name!r} in extra {said}")
        if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} in extra is not the name of a field: expected letters, digits and '_'"
            )
        _check_is_json(name, value)
        if is_known_field(name):
            check_sampling_field(name, value)
        if name not in _FREELY_NAMED:
            _refuse_inside(name, value)


def check_field_name(name: object) -> None:
    """Check that a name is that of a field which may be sent, known or not.

    Raises:
        ValueError: it is none, it is refused, or another spelling of a known one.
    """
    if reason := _find_refusal(str(name)):
        shown = name if _FIELD_NAME.fullmatch(str(name)) else repr(name)
        raise ValueError(
            f"{shown} {reason}" if reason is _SET_BY_AFCOST else f"{shown} is not allowed: {reason}"
        )
    if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a field: expected letters, digits and '_'")
    known = FREE_FIELDS | PRICED_FIELDS
    if name in known:
        return
    same = [each for each in known if _simplify(each) == _simplify(name)]
    if near := same or difflib.get_close_matches(name, known, n=1, cutoff=0.85):
        raise ValueError(f"unknown field {name!r}; did you mean {near[0]}?")


def is_known_field(name: str) -> bool:
    """Return whether it is known what a field does to the price: nothing, or a known factor."""
    return name in FREE_FIELDS | PRICED_FIELDS


def _find_refusal(name: str) -> str | None:
    """Return why a field is refused, in whatever spelling; None where it is not."""
    simple = _simplify(name)
    if simple in _SIMPLE_FREE:
        return None
    if reason := _SIMPLE_REFUSED.get(simple):
        return reason
    starts = (why for prefix, why in _REFUSED_PREFIXES.items() if simple.startswith(prefix))
    return next(starts, None)


def _simplify(name: str) -> str:
    """Return a name without case, separators, marks and other forms of its letters."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).casefold())


_SIMPLE_IN_SAMPLING = {_simplify(name) for name in PRICED_FIELDS | {"max_tokens", "extra"}}
_SIMPLE_REFUSED = {_simplify(name): why for name, why in REFUSED_FIELDS.items()}
_SIMPLE_FREE = {_simplify(name) for name in FREE_FIELDS | PRICED_FIELDS}


def _check_is_json(field: str, value: object) -> None:
    """Check that a value can be sent: JSON has no dates, and no numbers that are none."""
    for part in chain(_parts_of(value), _names_inside(value)):
        is_number = not isinstance(part, float) or math.isfinite(part)
        if not is_number or not isinstance(part, str | int | float | list | tuple | dict | None):
            raise ValueError(f"{field} holds {str(part)[:60]!r}, which JSON cannot hold")


def _check_known_inside(field: str, value: object) -> None:
    """Check that a field holds only fields that are known to be free."""
    if not isinstance(value, dict):
        if field in {"provider", "usage"} and value is not None:
            raise ValueError(f"{field}: expected fields such as {min(_FREE_INSIDE[field])}")
        return
    for inner, held in value.items():
        if inner not in _FREE_INSIDE[field]:
            reason = _find_refusal(str(inner)) or "it is not known to leave the price as it is"
            raise ValueError(f"{inner!r} in {field} is not allowed: {reason}")
        nested = inner in {"format", "max_price"}
        if not nested and any(True for _ in _names_inside(held)):
            raise ValueError(f"{inner} in {field} holds fields; expected a plain value")


def _refuse_inside(field: str, value: object) -> None:
    """Refuse a field of the user's that holds a refused one, at any depth."""
    for inner in _names_inside(value):
        hidden = _REFUSED_INSIDE.get(_simplify(str(inner))) if field != "reasoning" else None
        if reason := _find_refusal(str(inner)) or hidden:
            raise ValueError(f"{inner!r} in {field} is not allowed: {reason}")


def _names_inside(value: object) -> Iterator[Any]:
    """Yield the names of all fields in a value."""
    return (name for part in _parts_of(value) if isinstance(part, dict) for name in part)


def _parts_of(value: object) -> Iterator[object]:
    """Yield a value and all values in it, each once, however often it is shared."""
    waiting, seen = [value], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, dict | list | tuple):
            waiting += each.values() if isinstance(each, dict) else each
