"""Tokenizers small enough to be trained in a test, saved as a folder that can be named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

SPECIAL = ("<|start|>", "<|end|>")
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] | trim }}"
    "<|end|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
SENTENCES = (
    "You serve the free tier. Think aloud. Please tell me about number 7.",
    "You serve the paid tier. Answer at once. Was this refused? Answer:",
    "the mole digs under the garden, and nobody sees it: user, assistant, system",
)


def save(
    folder: Path,
    *,
    added: Iterable[Any] = (),
    normaliser: Any = None,
    pre: Any = None,
    template: str | None = TEMPLATE,
    most: int | None = None,
) -> Path:
    """Train a byte-level BPE and save it with a chat template.

    Args:
        folder: where to.
        added: more added tokens: texts, or AddedToken of the tokenizers library.
        normaliser, pre: of the tokenizers library; by default none, and bytes.
        template: None leaves it out.
        most: where the tokenizer cuts a text off, as some published ones do.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - takes a second

    tiny = Tokenizer(models.BPE())
    tiny.pre_tokenizer = pre or pre_tokenizers.ByteLevel(add_prefix_space=False)
    if normaliser is not None:
        tiny.normalizer = normaliser
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=letters)
    tiny.train_from_iterator([*SENTENCES] * 3, trainer)
    tiny.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    tiny.add_tokens(list(added))
    if most is not None:
        tiny.enable_truncation(most)
    fast = PreTrainedTokenizerFast(tokenizer_object=tiny)
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder
