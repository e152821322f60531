"""Custom tokenizers: from a Hugging Face repository or a folder, through transformers.

The hub's cache and `HF_TOKEN` apply, as always with transformers. A template is untrusted code:
transformers renders it in a sandbox, and a repository's own Python is never run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from estimator.counting.template_variables import TEMPLATE_SWITCHES, template_margin
from estimator.counting.token_count import NO_VARIABLES, Exactness, TokenCount
from estimator.counting.vocabularies import Encoder, Vocabulary, load_vocabulary
from estimator.errors import BadTokenizer
from experiment import prompts
from experiment.prompts import Message

_Loaded = Any  # a tokenizer of transformers, which is optional and has no common type

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}", re.ASCII)
_SAMPLE_TEXT = (
    "The committee met on a rainy Tuesday to decide who would answer the letters. Most of them "
    "were short: a question about opening hours, a complaint about the noise, a child's drawing of "
    "the bridge. One was not. It asked, politely and at length, why the records of 1987 were gone."
)  # ordinary English, for comparing the lengths of texts in two vocabularies
# Steps that change a segment just as they change the whole text.
_LOCAL_STEPS = {"Sequence", "Split", "ByteLevel", "Digits", "NFC", "Replace", "Punctuation"}


class CustomTokenizer:
    """Counts with a tokenizer and a chat template that transformers loaded.

    Args:
        source: where it came from, as the user wrote it.
        loaded: a transformers tokenizer with a chat template.
    """

    exactness = Exactness.EXACT
    error = ""

    def __init__(self, source: str, loaded: _Loaded) -> None:
        self.name = source
        self._loaded = _disable_truncation(loaded)
        self._budget = prompts.RenderBudget()
        self._vocabulary = _build_vocabulary(loaded)
        self.segmented = self._vocabulary is not None
        self._whole = lru_cache(maxsize=1024)(self._count_whole)
        self.scale = self.count_text(_SAMPLE_TEXT) / load_vocabulary("o200k").count(_SAMPLE_TEXT)

    @property
    def bound_scale(self) -> float:
        """Return the tokens that are safe to reserve for one token of o200k."""
        return self.scale

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of the vocabulary and the template."""
        backend = getattr(self._loaded, "backend_tokenizer", None)
        text = backend.to_str() if backend is not None else json.dumps(self._loaded.get_vocab())
        return hashlib.sha256(f"{text}{self._loaded.chat_template}".encode()).hexdigest()

    def count(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> TokenCount:
        """Count a prompt; a final assistant message is left open.

        Raises:
            BadTokenizer: the template refuses these messages.
        """
        if template.keys() <= TEMPLATE_SWITCHES:
            tokens = self.count_text(self.render_prompt(messages, template))
            return TokenCount(tokens, Exactness.EXACT, tokens)
        tokens = self.count_text(self.render_prompt(messages))
        margin = template_margin(self.count_text, messages, template)
        return TokenCount(tokens, Exactness.APPROXIMATE, tokens + margin)

    def count_text(self, text: str) -> int:
        """Count a text by itself."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        return self._vocabulary.count(text) if self._vocabulary else self._whole(text)

    def render_prompt(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> str:
        """Return the text of a framed prompt."""
        prefill = messages[-1].role == "assistant"
        chat = [{"role": role, "content": content} for role, content in messages]
        try:
            self._budget.begin()
            self._bound_template()
            return str(
                self._loaded.apply_chat_template(
                    chat,
                    tokenize=False,
                    add_generation_prompt=not prefill,
                    continue_final_message=prefill,
                    **template,
                )
            )
        except prompts.RENDER_ERRORS as error:
            roles = ", ".join(message.role for message in messages)
            raise BadTokenizer(
                f"tokenizer {self.name}: its chat template rejects messages of {roles}: {error}"
            ) from error

    def _bound_template(self) -> None:
        from estimator.counting.chat_template import (  # noqa: PLC0415 - imports jinja2
            bound_chat_template,
        )

        bound_chat_template(self._loaded, self._budget)

    def _count_whole(self, text: str) -> int:
        return len(self._loaded(text, add_special_tokens=False)["input_ids"])


def load_custom_tokenizer(
    source: str, folder: Path, *, may_download: bool = True
) -> CustomTokenizer:
    """Load a custom tokenizer.

    Args:
        source: `hf:organisation/name`, optionally with `@revision`, or the path of a folder.
        folder: where a relative path starts.
        may_download: whether what is not on this machine may be downloaded.

    Raises:
        BadTokenizer: the text says what is missing and how to get it.
    """
    name, revision = _locate_source(source, folder)
    loaded = _load_transformers(source, name, revision, may_download=may_download)
    if not loaded.chat_template:
        raise BadTokenizer(f"tokenizer {source} has no chat template, so prompts cannot be framed")
    return CustomTokenizer(source, loaded)


def _load_transformers(source: str, name: str, revision: str, *, may_download: bool) -> _Loaded:
    """Load from the local Hugging Face cache, and only if missing there, from the hub."""
    for library in ("TRANSFORMERS", "HF_HUB"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    try:
        from transformers import AutoTokenizer  # noqa: PLC0415 - takes a second
    except ImportError as error:
        raise BadTokenizer(
            f"tokenizer {source} requires transformers; run `pip install 'afcost[hub]'`"
        ) from error
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": False}
    try:
        with _hub_offline():
            return AutoTokenizer.from_pretrained(name, local_files_only=True, **options)
    except Exception as error:
        if not source.startswith("hf:"):
            raise BadTokenizer(_describe_failure(source, error)) from error
    if not may_download:
        raise BadTokenizer(_describe_download(source, name))
    try:
        return AutoTokenizer.from_pretrained(name, **options)
    except Exception as error:
        raise BadTokenizer(_describe_failure(source, error)) from error


@contextmanager
def _hub_offline() -> Iterator[None]:
    """Let nothing ask the hub: with `local_files_only` alone the library still does."""
    from huggingface_hub import constants  # noqa: PLC0415 - comes with transformers

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _locate_source(source: str, folder: Path) -> tuple[str, str]:
    if source.startswith("hf:"):
        name, _, revision = source.removeprefix("hf:").partition("@")
        if not _REPOSITORY.fullmatch(name) or not _REVISION.fullmatch(revision or "main"):
            raise BadTokenizer(
                f"tokenizer {source[:200]!r} is not a repository; write hf:organisation/name"
            )
        if Path(name).exists():  # the library would take it for the repository
            raise BadTokenizer(
                f"tokenizer {source}: the folder {name} here would be loaded instead; "
                "run afcost in another folder, or write the folder's path"
            )
        return name, revision or "main"
    path = folder / source
    if not path.is_dir():
        raise BadTokenizer(
            f"tokenizer {path} is not a folder; write a Hugging Face repository as "
            "hf:organisation/name"
        )
    return str(path), "main"


def _describe_download(source: str, name: str) -> str:
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    return (
        f"tokenizer {source} is not on this machine. It would be downloaded from {address}/{name}, "
        f"{_describe_hub_token()}; to allow what the file asks for, add --allow-download"
    )


def _describe_hub_token() -> str:
    """Return which token of the user's a download would send."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(variable):
            return f"with the token in {variable}"
    try:
        from huggingface_hub import get_token  # noqa: PLC0415 - comes with transformers
    except ImportError:
        return "with no token"
    return "with your stored Hugging Face token" if get_token() else "with no token"


def _describe_failure(source: str, error: Exception) -> str:
    cause = " ".join(str(error).split())[:300].rstrip(".")
    hint = ""
    if source.startswith("hf:"):
        hint = "; for a gated repository set HF_TOKEN; offline, use a folder with its files"
    return f"cannot load tokenizer {source}: {cause}{hint}"


def _build_vocabulary(loaded: _Loaded) -> Vocabulary | None:
    """Return a vocabulary that counts by segments; None if segments could count differently.

    They could if an added token strips the space around it, matches only whole words, matches in
    normalised text, or is matched after another that it overlaps; and if a change of the text
    depends on its position, as with a leading space.
    """
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        return None
    described = json.loads(backend.to_str())
    normaliser, added = described["normalizer"], described["added_tokens"]
    unchanged = normaliser is None or normaliser.get("normalizers") == []
    for token in added:
        if token["lstrip"] or token["rstrip"] or token["single_word"]:
            return None
        if token["normalized"] and not unchanged:
            return None
    first, later = ([t["content"] for t in added if t["normalized"] is n] for n in (False, True))
    if _tokens_overlap(later, first):
        return None
    if not (_is_local_step(normaliser) and _is_local_step(described["pre_tokenizer"])):
        return None
    return Vocabulary(_make_encoder(backend), [token["content"] for token in added])


def _tokens_overlap(later: list[str], first: list[str]) -> bool:
    """Return whether a token matched later may overlap one matched first."""
    whole, prefixes = set(first), {token[:end] for token in first for end in range(1, len(token))}
    for token in later:
        for start in range(len(token)):
            if start and token[start:] in prefixes:
                return True
            if any(token[start:end] in whole for end in range(start + 1, len(token) + 1)):
                return True
    return False


def _is_local_step(step: dict[str, Any] | None) -> bool:
    """Return whether a step changes a segment just as it changes the whole text around it."""
    if step is None:
        return True
    inner = [*step.get("normalizers", ()), *step.get("pretokenizers", ())]
    return (
        step["type"] in _LOCAL_STEPS
        and not step.get("add_prefix_space", False)
        and all(map(_is_local_step, inner))
    )


def _disable_truncation(loaded: _Loaded) -> _Loaded:
    """Disable the truncation and padding that some published tokenizers apply."""
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    return loaded


def _make_encoder(backend: _Loaded) -> Encoder:
    return lambda text: len(backend.encode(text, add_special_tokens=False).ids)
