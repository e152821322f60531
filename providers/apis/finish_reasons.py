"""Finish reasons: why an answer ended, in the same words whichever API says it.

One table for all APIs, because proxies pass the words of one on in the shape of another. Words are
compared in lower case and without `_`. A word that is not here stays as it is, and is no `stop`.

Sources: `finish_reason` in the package `openai` 3.57.0, `BetaStopReason` in `anthropic` 2.14.0,
`FinishReason` and `BlockedReason` in `google-genai` 3.6.1, `FinishReason` in `cohere` 7.3.1;
https://docs.mistral.ai/api, https://docs.z.ai/api-reference/llm/chat-completion,
https://api-docs.deepseek.com/api/create-chat-completion,
https://openrouter.ai/docs/api-reference/overview (`finish_reason`, `native_finish_reason`),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

from providers.reply import read_name

ERROR = "error"
_WORDS: dict[str, tuple[str, ...]] = {
    "stop": (
        *("stop", "end_turn", "stop_sequence", "completed", "complete"),
        *("eos", "eos_token", "reason_stop"),
    ),
    "length": (
        *("length", "max_tokens", "max_output_tokens", "model_length", "error_limit"),
        "model_context_window_exceeded",
        "continuation",
        *("reason_max_len", "reason_max_context"),
    ),
    "content_filter": (
        *("content_filter", "content_filtered", "guardrail_intervened"),
        *("sensitive", "error_toxic"),
        *("safety", "recitation", "blocklist", "prohibited_content", "spii", "language"),
        *("escalation", "model_armor", "jailbreak"),
        *("image_safety", "image_prohibited_content", "image_recitation"),
    ),
    "refusal": ("refusal",),
    # The provider broke off, or expects a further call that is never made here.
    ERROR: (
        *("error", "failed", "cancelled", "user_cancel", "abort", "timeout", "reason_time_limit"),
        *("in_progress", "queued"),
        *("pause_turn", "compaction"),
        *("network_error", "insufficient_system_resource"),
        *("other", "malformed_function_call", "unexpected_tool_call", "malformed_response"),
        *("too_many_tool_calls", "missing_thought_signature", "image_other", "no_image"),
        "pup_limited_disabled",
        *("malformed_model_output", "malformed_tool_use"),
    ),
}
_MEANINGS = {word.replace("_", ""): meaning for meaning, words in _WORDS.items() for word in words}
# What a router may call `stop`, or a filter, although the model's own provider says more.
_TOLD_BY_PROVIDER: dict[str, tuple[str, ...]] = {
    "stop": ("length", "content_filter", "refusal", ERROR),
    "content_filter": ("refusal",),
}


def name_finish(reason: object, native: object = None) -> str:
    """Return why an answer ended, in the words of `ModelResponse`.

    Args:
        reason: as the response says it; some add more of it after a colon.
        native: the word of the provider behind a router, where that is given too.
    """
    written = read_name(reason)
    finish, told = _find_meaning(written), _find_meaning(read_name(native))
    if told in _TOLD_BY_PROVIDER.get(finish, ()):
        return told
    return finish or written or told


def _find_meaning(written: str) -> str:
    if (meaning := _MEANINGS.get(written)) is not None:  # as most are
        return meaning
    word = written.partition(":")[0].strip().lower().replace("_", "").replace("-", "")
    return _MEANINGS.get(word, "")
