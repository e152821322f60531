"""Mistral's own library as an oracle for its tekken models.

It frames a chat in tokens, not in text, so that a mark written by a user stays ordinary text. Its
one bundled vocabulary serves two framings: V3 (Mistral Nemo) and V7 (Mistral Small 2501), whose own
tokenizer files carry the same tokens.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from experiment.prompts.request import Message
from tests.support.oracles.random_chats import Shape, whole

VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "mistralai/Mistral-Nemo-Instruct-2407": "v3",
        "mistralai/Mistral-Small-24B-Instruct-2501": "v7",
    }
)
# It refuses an empty assistant message, and takes one of spaces.
SHAPE = Shape(blank_prefill=False, blank_answer=False)


class MistralOracle:
    """Counts by mistral-common."""

    marks: Sequence[str] = ("<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[IMG]")

    def __init__(self, version: str) -> None:
        self._encode = _tokenizer(version).encode_chat_completion

    def counts(self, chats: Iterable[Sequence[Message]]) -> list[int]:
        """Count chats, one after another."""
        return [len(self._encode(_request(messages)).tokens) for messages in chats]

    def text_counts(self, texts: Iterable[str]) -> list[int]:
        """Count texts by themselves."""
        encode = _tokenizer("v3").instruct_tokenizer.tokenizer.encode
        return [len(encode(whole(text), bos=False, eos=False)) for text in texts]


@functools.cache
def _tokenizer(version: str) -> Any:
    from mistral_common.protocol.instruct.validator import ValidationMode  # noqa: PLC0415
    from mistral_common.tokens.tokenizers.base import TokenizerVersion  # noqa: PLC0415
    from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV7  # noqa: PLC0415
    from mistral_common.tokens.tokenizers.mistral import (  # noqa: PLC0415
        MistralTokenizer,
        get_normalizer,
        get_validator,
    )

    if version == "v3":
        return MistralTokenizer.v3(is_tekken=True)
    return MistralTokenizer(
        InstructTokenizerV7(_tokenizer("v3").instruct_tokenizer.tokenizer),
        validator=get_validator(TokenizerVersion.v7, mode=ValidationMode.test),
        request_normalizer=get_normalizer(TokenizerVersion.v7, None),
    )


def _request(messages: Sequence[Message]) -> Any:
    from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415

    chat: list[dict[str, Any]] = [{"role": r, "content": whole(text)} for r, text in messages]
    if chat[-1]["role"] == "assistant":
        chat[-1]["prefix"] = True
    return ChatCompletionRequest(messages=chat)
