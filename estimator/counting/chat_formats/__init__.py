"""Chat formats: how each family frames messages before the model reads them.

A format returns a prompt in parts, cut where tokens cannot merge, so that a part that many prompts
share is counted once; joined, the parts are the text that the model reads. Marker tokens that have
no text are returned as a number.

Each format follows the family's published rules, and tests compare it with the published template.
A final assistant message is a prefill: it is left open, and the model continues from it. Tools,
images and several texts in one message are not supported.
"""

from __future__ import annotations

from estimator.counting.chat_formats import deepseek, google, llama, mistral, openai, qwen
from estimator.counting.chat_formats.prompt import ChatFormat

__all__ = ["CHAT_FORMATS", "ChatFormat"]

CHAT_FORMATS: dict[str, ChatFormat] = {
    each.__name__: each
    for each in (
        *(llama.llama3, llama.llama31, llama.llama4),
        *(qwen.chatml, qwen.qwen25, qwen.qwen3, qwen.qwen3_quiet),
        *(deepseek.deepseek_v3, deepseek.deepseek_v31),
        *(deepseek.deepseek_r1, deepseek.deepseek_r1_0528),
        *(google.gemma, google.bare),
        *(mistral.mistral_v3, mistral.mistral_v7),
        *(openai.gpt_oss, openai.openai_chat, openai.harmony),
    )
}
