"""llama.cpp serving a tiny random Llama 3.1: a real server with real usage and real uncertainty.

    with run_llama() as url:  # "http://127.0.0.1:40287"
        post(f"{url}/v1/chat/completions", json={..., "logit_bias": {"128009": 6.5}})

It speaks OpenAI's `/v1/chat/completions`, Anthropic's `/v1/messages` and
`/v1/messages/count_tokens`, and its own `/tokenize` and `/apply-template`. Sampling is pure by
default (temperature 1, no top-k, top-p or min-p). Learned by measuring it, and held by
`test_server.py` where a test may rest on it:

Input
- The prompt count is the published template's rendering, `<|begin_of_text|>` included once: a
  lone "Hello!" is 37. llama.cpp gives templates today's date, so `date_string` is pinned here.
- Its Jinja trims ASCII space only; Python's, in transformers, also a no-break space at the edge.
- A final assistant message is continued, without being asked: the rendering up to the assistant's
  header, then the message as it stands, not trimmed as the template would. An empty one also
  takes the header away (33 instead of 37). Two of them in a row are a 400.
- A prompt above the slot's context is a 400 of type `exceed_context_size_error`. Special tokens
  written inside a message are read as special tokens.

Output
- The closing <|eot_id|> counts as one output token, so an empty answer costs 1. In Anthropic's
  form an empty answer is `"content": []`.
- The continued text is repeated at the head of the answer and is not counted as output.
- `max_tokens` holds (`max_completion_tokens` too), except that 0 still yields one. When the
  context fills first, the answer ends with `length`, short of `max_tokens`.
- With `n` above 1, usage counts one of the answers only: do not trust its bill there.
- `/v1/messages` drops `logit_bias` and `cache_prompt`. For answers of varied length in both forms
  start with `run_llama(end_bias=6.5)`, which builds the bias into the weights.

Usage
- OpenAI: `prompt_tokens` includes the cached ones, given in `prompt_tokens_details.cached_tokens`.
  There is no `completion_tokens_details`.
- Anthropic: `input_tokens` excludes them, `cache_read_input_tokens` holds them; the two add up.
  There is no `cache_creation_input_tokens`.
- Caching is on by default, so the same prompt sent twice shows 0, then all but one token, as
  cached. It depends on which slot a request lands in: the sum is stable, the split is not.
- `model` in an answer is the server's own name, whatever was asked for.
"""

import contextlib
import importlib
import importlib.util
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support import process
from tests.support.packages import cache
from tests.support.packages.fetch import PackageMissing, llama31_template, llama31_vocabulary

MODEL = "llama-3.1-tiny"
RECIPE = 1  # raise it when weights.py changes, so that no cached model is taken for the new one
HOST = "127.0.0.1"


@contextlib.contextmanager
def run_llama(
    *,
    end_bias: float = 0.0,
    cache_prompts: bool = True,
    slots: int = 4,
    context: int = 8192,
    threads: int = 1,
) -> Iterator[str]:
    """Serve the tiny model in a process of its own and yield the base URL.

    Args:
        end_bias: lifts the end token's logit in the weights; 6.5 gives answers of 1 to several
            hundred tokens, 194 on average, cut by `max_tokens`.
        cache_prompts: whether a prompt's known beginning is reused and reported as cached.
        slots: how many requests are served at once; others wait.
        context: tokens of prompt and answer that one slot holds.
        threads: threads to compute with.

    Raises:
        PackageMissing: the server, the vocabulary or the template cannot be had here.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise PackageMissing("xllamacpp is not installed")
    options = {"slots": slots, "context": context, "threads": threads}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    arguments += [f"--model={model_file(end_bias)}", *(["--no-cache"] * (not cache_prompts))]
    with process.run("llama.server", *arguments) as url:
        wait_until_healthy(url)
        yield url


def model_file(end_bias: float = 0.0) -> Path:
    """Return the tiny model's GGUF, built at first use.

    Raises:
        PackageMissing: the vocabulary or the template cannot be had here.
    """
    from . import weights  # noqa: PLC0415 - the running server needs neither gguf nor numpy

    vocabulary, template = llama31_vocabulary(), llama31_template()
    key = cache.sha256(f"{RECIPE} {vocabulary.name} {end_bias} {template}".encode())[:12]
    name = "model.gguf"
    return (
        cache.entry(
            f"llama-3.1-tiny-{key}",
            lambda place: weights.write(place / name, vocabulary, template, end_bias),
        )
        / name
    )


def wait_until_healthy(url: str, patience: float = 30.0) -> None:
    """Wait until `/health` answers 200.

    Raises:
        process.ServerDidNotStartError: it did not in time.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(f"{url}/health", timeout=5).close()  # noqa: S310 - loopback
            return
        time.sleep(0.05)
    raise process.ServerDidNotStartError(f"{url}/health did not answer 200 in {patience:g} s")


def _parameters(xllamacpp: Any, options: Any) -> Any:
    """Translate the command line into llama.cpp's own settings."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model)
    parameters.model_alias = {MODEL}
    parameters.hostnames = [HOST]
    parameters.port = options.port
    parameters.n_parallel = options.slots
    parameters.n_ctx = options.slots * options.context
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.cache_prompt = not options.no_cache
    parameters.ui = False
    # Values are JSON. Without this llama.cpp fills in today's date.
    parameters.default_template_kwargs = {"date_string": '"26 Jul 2024"'}
    sampling = parameters.sampling
    sampling.temp, sampling.top_k, sampling.top_p, sampling.min_p = 1.0, 0, 1.0, 0.0
    return parameters


def main() -> None:
    """Serve until the parent leaves."""
    parser = process.arguments("serve the tiny random Llama 3.1")
    parser.add_argument("--model", type=Path, help="the GGUF; made if not given")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-cache", action="store_true", help="do not reuse prompts")
    options = parser.parse_args()
    options.model = options.model or model_file()
    xllamacpp = importlib.import_module("xllamacpp")
    server = xllamacpp.Server(_parameters(xllamacpp, options))
    process.announce(server.listening_address, until_stdin_closes=options.until_stdin_closes)
    threading.Event().wait()


if __name__ == "__main__":
    main()
