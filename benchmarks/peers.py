"""The ways of counting that `counting.py` compares, each measured in a process of its own.

    python benchmarks/peers.py ROW INPUT.json OUTPUT.json

INPUT holds what to count, OUTPUT receives the counts and the seconds. Peers live in a virtual
environment that `interpreter` makes once and keeps with the tests' packages, and work offline:

- tiktoken reads Meta's own rank file from the package `llama-models`.
- tokencost finds OpenAI's ranks in the folder that litellm ships and itself uses in this way. It
  refuses Llama's own names but counts any that begins with "o", so it is given OpenRouter's.
- litellm would fetch a vocabulary from the hub, and without one counts with cl100k_base. Its second
  row is given the Llama 3.1 vocabulary: what it does at best.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.packages import cache, llama31
from tests.support.packages import fetch as packages

Chat = list[dict[str, str]]
Counter = Callable[[list[Chat]], list[int]]

MODEL = "meta-llama/Meta-Llama-3.1-70B-Instruct"
TOKENCOST_MODEL = "openrouter/meta-llama/llama-3.1-70b-instruct"
PINS = (
    "tokencost==0.1.26",
    "litellm==1.106.2",
    "tiktoken==0.14.0",
    "tokenizers==0.23.3",
    "transformers==5.23.0",
)
RANKS_PACKAGE = "llama-models==0.3.0"
RANKS = "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55"
# Meta's pattern, as `llama_models/llama3/tokenizer.py` has it.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHUNK, PATIENCE = 500, 2.0  # requests at a time; seconds after which a slow peer may stop


def interpreter(pins: tuple[str, ...] = PINS) -> str:
    """Return a Python that has these packages, made at the first call."""
    digest = hashlib.sha256(" ".join((sys.version, *pins)).encode()).hexdigest()[:12]
    make = functools.partial(_make_environment, pins)
    return str(cache.entry(f"peers-{digest}", make) / "bin" / "python")


def fetch() -> None:
    """Fetch what the rows read, so that none of them has to."""
    ranks()
    packages.llama31_vocabulary()
    packages.llama31_template()


def ranks() -> Path:
    """Return Meta's rank file for Llama 3, fetched at the first call."""
    place = cache.entry(f"llama-3-ranks-{RANKS[:12]}", _make_ranks)
    return cache.checked(place / "tokenizer.model", RANKS)


def afcost() -> Counter:
    from estimator.counting import find_family_tokenizer  # noqa: PLC0415 - each row imports only its own

    count = find_family_tokenizer(MODEL).count
    return lambda chats: [count(messages).tokens for messages in chats]


def afcost_fast() -> Counter:
    from estimator.counting.vocabularies import load_fast_encoder_now  # noqa: PLC0415

    assert load_fast_encoder_now("llama-3"), "fastokens is not installed here"  # noqa: S101
    return afcost()


def rendering() -> Counter:
    render = _renderer()
    return lambda chats: [len(render(chat)) for chat in chats]


def encode_batch() -> Counter:
    return _batches(_vocabulary().encode_batch)


def encode_batch_fast() -> Counter:
    return _batches(_vocabulary().encode_batch_fast)


def transformers() -> Counter:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(packages.llama31_vocabulary())
    tokenizer.chat_template = packages.llama31_template()
    given = {"tokenize": True, "add_generation_prompt": True}
    render = tokenizer.apply_chat_template
    return lambda chats: [*map(len, render(chats, **given)["input_ids"])]


def tiktoken() -> Counter:
    from tiktoken import Encoding  # noqa: PLC0415

    lines = (line.split() for line in ranks().read_bytes().splitlines())
    known = {base64.b64decode(token): int(rank) for token, rank in lines}
    added = {name: id_ for id_, name in llama31.added_tokens().items()}
    encoding = Encoding("llama3", pat_str=PATTERN, mergeable_ranks=known, special_tokens=added)
    render, encode = _renderer(), encoding.encode
    return lambda chats: [len(encode(render(chat), allowed_special="all")) for chat in chats]


def tokencost() -> Counter:
    logging.disable()  # it warns at every call that it does not know the model
    found = find_spec("litellm")
    assert found is not None, "litellm is in the peers' environment"  # noqa: S101
    folder = Path(str(found.origin)).parent / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    from tokencost import count_message_tokens  # noqa: PLC0415

    return lambda chats: [count_message_tokens(chat, TOKENCOST_MODEL) for chat in chats]


def litellm() -> Counter:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches prices when imported
    import litellm as peer  # noqa: PLC0415

    peer.disable_hf_tokenizer_download = True
    return lambda chats: [peer.token_counter(model=MODEL, messages=chat) for chat in chats]


def litellm_given() -> Counter:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as peer  # noqa: PLC0415

    text = (packages.llama31_vocabulary() / "tokenizer.json").read_text(encoding="utf-8")
    given = {"model": MODEL, "custom_tokenizer": peer.create_tokenizer(text)}
    return lambda chats: [peer.token_counter(messages=chat, **given) for chat in chats]


def measure(row: str, source: dict[str, Any]) -> dict[str, Any]:
    """Count `source` and take the time, after one short chat of its own for what loads lazily.

    CPU seconds, not those on the clock: a shared machine's other work is not the row's. A slow row
    stops after a whole number of chunks, unless `source["whole"]` is true.
    """
    count = globals()[row]()
    shape = _as_messages if row.startswith("afcost") else list
    count([shape([{"role": "user", "content": "Hello!"}])])
    counts: list[int] = []
    seconds, texts = 0.0, source["texts"]
    while len(counts) < len(texts) and (source["whole"] or seconds < PATIENCE):
        chunk = texts[len(counts) : len(counts) + CHUNK]
        chats = [shape(_chat(source["system"], text, source["fresh"])) for text in chunk]
        began = time.process_time()
        counts += count(chats)
        seconds += time.process_time() - began
    return {"counts": counts, "seconds": seconds}


def _chat(system: str, text: str, fresh: bool) -> Chat:  # noqa: FBT001
    system = system.encode().decode() if fresh else system  # a copy, whose hash nobody knows
    user = {"role": "user", "content": text}
    return [{"role": "system", "content": system}, user] if system else [user]


def _as_messages(chat: Chat) -> Any:  # noqa: ANN401 - afcost's own type, unknown to peers
    from experiment.prompts import Message  # noqa: PLC0415

    return tuple(Message(**message) for message in chat)


def _renderer() -> Callable[[Chat], str]:
    """Render with the published template in plain jinja2, as transformers does."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    render = environment.from_string(packages.llama31_template()).render
    given = {"bos_token": "<|begin_of_text|>", "add_generation_prompt": True}
    return lambda chat: render(messages=chat, **given)


def _batches(encode: Callable[..., list[Any]]) -> Counter:
    render = _renderer()
    return lambda chats: [*map(len, encode([*map(render, chats)], add_special_tokens=False))]


def _vocabulary() -> Any:  # noqa: ANN401 - a tokenizers.Tokenizer
    from tokenizers import Tokenizer  # noqa: PLC0415

    return Tokenizer.from_file(str(packages.llama31_vocabulary() / "tokenizer.json"))


def _make_environment(pins: tuple[str, ...], place: Path) -> None:
    venv.create(place, with_pip=True)
    _run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *pins)


def _make_ranks(place: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        _run(*pip, "--dest", scratch, RANKS_PACKAGE)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read("llama_models/llama3/tokenizer.model")
    (place / "tokenizer.model").write_bytes(content)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")


if __name__ == "__main__":
    name, input_, output = sys.argv[1:]
    result = measure(name, json.loads(Path(input_).read_text(encoding="utf-8")))
    Path(output).write_text(json.dumps(result), encoding="utf-8")
