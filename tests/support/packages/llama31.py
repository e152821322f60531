"""Llama 3.1's vocabulary, made from what its package holds.

Pure functions from one text to another; `fetch.py` fetches.

The vocabulary's package carries the *vision* model of Llama 3.2, `Llama-3.2-90B-Vision`. Its
128,000 ordinary tokens and 280,147 merges are Llama 3.1's to the last one. Four things differ:

1. It has a 257th added token, `<|image|>` (128256). Llama 3.1 has 256 of them, 128000 to 128255,
   and reads the text "<|image|>" as ordinary text of several tokens.
2. It gives 128005 the name `<|step_id|>`. In Llama 3.1 that is `<|reserved_special_token_2|>`,
   so each reserved token from 128011 on bears a number one too low: 128255 is 247, not 246.
3. Its `ignore_merges` is false. Llama 3.1 takes a word that stands whole in the vocabulary as
   one token without replaying the merges, as Meta's own tiktoken file does. 588 words, most of
   them Vietnamese, Turkish or Cyrillic ones, cannot be reached by merges and came out longer.
4. Its end token is the base model's `<|end_of_text|>`; an Instruct model ends with `<|eot_id|>`.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

FIRST_ADDED = 128000
ADDED_TOKENS = 256
NAMED = {
    128000: "<|begin_of_text|>",
    128001: "<|end_of_text|>",
    128004: "<|finetune_right_pad_id|>",
    128006: "<|start_header_id|>",
    128007: "<|end_header_id|>",
    128008: "<|eom_id|>",
    128009: "<|eot_id|>",
    128010: "<|python_tag|>",
}


def added_tokens() -> dict[int, str]:
    """Return Llama 3.1's 256 added tokens by id: eight have names, the others are numbered."""
    ids = range(FIRST_ADDED, FIRST_ADDED + ADDED_TOKENS)
    reserved = (number for number in ids if number not in NAMED)
    numbered = {id_: f"<|reserved_special_token_{n}|>" for n, id_ in enumerate(reserved)}
    return dict(sorted((NAMED | numbered).items()))


def repaired_tokenizer(published: str) -> str:
    """Turn the package's `tokenizer.json` into Llama 3.1's."""
    tokenizer: dict[str, Any] = json.loads(published)
    tokenizer["added_tokens"] = [
        {"id": id_} | _settings(name) for id_, name in added_tokens().items()
    ]
    tokenizer["model"]["ignore_merges"] = True
    return json.dumps(tokenizer, ensure_ascii=False)


def repaired_config(published: str) -> str:
    """Turn the package's `tokenizer_config.json` into that of Llama 3.1 Instruct."""
    config: dict[str, Any] = json.loads(published)
    config["added_tokens_decoder"] = {
        str(id_): _settings(name) for id_, name in added_tokens().items()
    }
    config["eos_token"] = NAMED[128009]
    return json.dumps(config, ensure_ascii=False, indent=2)


def _settings(name: str) -> dict[str, Any]:
    """Describe one added token as Llama's files do."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"content": name} | flags | {"special": True}


REPAIRS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"tokenizer.json": repaired_tokenizer, "tokenizer_config.json": repaired_config}
)
