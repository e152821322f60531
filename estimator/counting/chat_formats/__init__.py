"""Chat formats: how each family frames messages before the model reads them.

A format gives a prompt in parts, cut where tokens cannot merge, so that a part that many prompts
share is counted once; joined, they are the text that the model reads. What the frame adds in tokens
that no text stands for comes as a number.

Each is written here from the family's published rules, and held in tests against the published
template itself. A final assistant message is a prefill: it is left open, so that the model goes on
from it. Tools, images and several texts in one message are not known here.
"""

from __future__ import annotations

from estimator.counting.chat_formats import deepseek, google, llama, mistral, openai, qwen
from estimator.counting.chat_formats.prompt import ChatFormat

CHAT_FORMATS: dict[str, ChatFormat] = {
    each.__name__: each
    for each in (
        *(llama.llama3, llama.llama31, llama.llama4),
        *(qwen.chatml, qwen.qwen25, qwen.qwen3),
        *(deepseek.deepseek_v3, deepseek.deepseek_v31),
        *(deepseek.deepseek_r1, deepseek.deepseek_r1_0528),
        *(google.gemma, google.bare),
        *(mistral.mistral_v3, mistral.mistral_v7),
        *(openai.gpt_oss, openai.openai_chat, openai.harmony),
    )
}
