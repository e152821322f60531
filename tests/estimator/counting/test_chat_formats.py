"""Counts are held against other people's tokenizers, templates and bills."""

from __future__ import annotations

import json

import pytest

from estimator.counting.model_families import find_family_tokenizer
from estimator.counting.token_count import Exactness
from experiment.definition import BUILTIN_SOURCE
from experiment.definition.loader import load_experiment
from experiment.prompts.request import Message
from experiment.prompts.request_builder import RequestBuilder
from tests.support.packages.fetch import PackageMissing, llama31_template, llama31_vocabulary

LLAMA = find_family_tokenizer("meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo")
AWKWARD = [
    "Hello!",
    "",
    "  spaces around  ",
    "\u00a0no-break\u00a0",
    "line\r\nline\r\n",
    "<|eot_id|> and <|start_header_id|>user<|end_header_id|> as text",
    "e\u0301 combining, 👩‍👩‍👧‍👦 joined, 🇨🇭 flag",
    "日本語と English と العربية",
    "tabs\t\tand   runs   of spaces 123456789 1,234.50",
    "it's we'll THEY'RE I'D",
]


@pytest.fixture(scope="module")
def published():
    """Return transformers' own tokenizer with the published vocabulary and template."""
    try:
        folder, template = llama31_vocabulary(), llama31_template()
    except PackageMissing as missing:
        pytest.skip(str(missing))
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - takes seconds

    config = json.loads((folder / "tokenizer_config.json").read_text())
    fast = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token=config["bos_token"],
        eos_token=config["eos_token"],
    )
    fast.chat_template = template
    return fast


def rendered(published, messages):
    prefill = messages[-1].role == "assistant"
    chat = [{"role": role, "content": content} for role, content in messages]
    ids = published.apply_chat_template(
        chat,
        tokenize=True,
        add_generation_prompt=not prefill,
        continue_final_message=prefill,
    )
    return len(ids["input_ids"])


def test_every_request_of_the_built_in_experiment_counts_as_its_published_template_does(published):
    requests = RequestBuilder(load_experiment(BUILTIN_SOURCE), lambda *_: True)
    checked = 0
    for request in requests.all_subject_requests():
        counted = LLAMA.count(request.messages)
        assert counted.exactness is Exactness.EXACT
        assert counted.tokens == counted.bound == rendered(published, request.messages)
        checked += 1
    assert checked == 240


@pytest.mark.parametrize("content", AWKWARD)
@pytest.mark.parametrize("system", [None, "You are terse.", " padded \n"])
@pytest.mark.parametrize("prefill", [None, "<", "<OUTPUT>"])
def test_awkward_texts_count_as_the_published_template_does(published, content, system, prefill):
    messages = [Message("system", system)] if system is not None else []
    messages += [Message("user", content), Message("assistant", "Yes."), Message("user", content)]
    messages += [Message("assistant", prefill)] if prefill else []
    assert LLAMA.count(messages).tokens == rendered(published, messages)


def test_hello_alone_is_37_tokens_to_llama():
    assert LLAMA.count([Message("user", "Hello!")]).tokens == 37


def test_gpt_4o_bills_seven_above_the_text_of_one_user_message():
    gpt = find_family_tokenizer("gpt-4o")
    text = "What is the capital of France?"
    assert gpt.count([Message("user", text)]).tokens == gpt.count_text(text) + 7


def test_gpt_5_bills_six_above_the_text_of_one_user_message():
    assert find_family_tokenizer("gpt-5").count([Message("user", "what is rust")]).tokens == 9


@pytest.mark.parametrize(
    ("model", "above"),
    [("deepseek-chat", 3), ("mistral-large-latest", 3), ("open-mistral-nemo", 3)],
)
def test_a_provider_bills_so_many_tokens_above_the_text_of_one_user_message(model, above):
    text = "What is the capital of France?"
    counted = find_family_tokenizer(model).count([Message("user", text)]).tokens
    assert counted == find_family_tokenizer(model).count_text(text) + above


def test_deepseek_r1_bills_six_tokens_for_hello():
    assert find_family_tokenizer("deepseek-r1").count([Message("user", "hello")]).tokens == 6


def test_gemini_bills_the_bare_texts():
    gemini = find_family_tokenizer("google/gemini-3.1-pro-preview")
    messages = [Message("system", "Be brief."), Message("user", "Hello"), Message("assistant", "<")]
    assert gemini.count(messages).tokens == sum(gemini.count_text(text) for _, text in messages)


def test_a_lone_surrogate_is_counted_and_not_an_error():
    assert LLAMA.count([Message("user", "a\ud800b")]).tokens > 36


@pytest.mark.parametrize(
    ("model", "name", "exactness"),
    [
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1", "exact"),
        ("llama-3.1-8b-instant", "llama-3.1", "exact"),
        ("meta.llama3-1-70b-instruct-v1:0", "llama-3.1", "exact"),
        ("nvidia/llama-3.1-nemotron-70b-instruct", "unknown", "approximate"),
        ("nousresearch/hermes-3-llama-3.1-70b", "unknown", "approximate"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama-3.1", "exact"),
        ("llama-3.2-3b-preview", "llama-3.2", "exact"),
        ("meta-llama/llama-3.2-90b-vision-instruct", "llama-3.2-vision", "approximate"),
        ("Meta-Llama-3-8B-Instruct", "llama-3", "exact"),
        ("gpt-4o-mini", "gpt-4o", "exact"),
        ("openai/gpt-4.1-2025-04-14", "gpt-4o", "exact"),
        ("gpt-5", "gpt-5", "exact"),
        ("gpt-5-mini-2025-08-07", "gpt-5", "exact"),
        ("gpt-5.1-2025-11-13", "gpt-5, later", "approximate"),
        ("gpt-5.3-chat", "gpt-5, chat", "approximate"),
        ("o3-deep-research", "gpt-5, later", "approximate"),
        ("o1-pro", "gpt-5", "exact"),
        ("gpt-4o-2024-08-06", "gpt-4o", "exact"),
        ("chatgpt-4o-latest", "gpt-4o", "exact"),
        ("gpt-4o-search-preview", "gpt-4, other", "approximate"),
        ("gpt-4o-mini-realtime-preview", "gpt-4, other", "approximate"),
        ("gpt-4-1106-preview", "gpt-4", "exact"),
        ("gpt-3.5-turbo-0125", "gpt-4", "exact"),
        ("gpt-3.5-turbo-instruct", "gpt-4, other", "approximate"),
        ("gemini-3-pro-preview", "gemini-3", "exact"),
        ("gemini-3.1-flash-tts-preview", "gemini", "approximate"),
        ("gemini-3.8-flash", "gemini", "approximate"),
        ("mistralai/mistral-large", "mistral, other", "approximate"),
        ("deepseek-reasoner", "deepseek", "approximate"),
        ("gpt-6-pro", "gpt-6", "approximate"),
        ("o3-mini", "gpt-5", "exact"),
        ("claude-opus-4-1-20250805", "claude", "approximate"),
        ("anthropic/claude-opus-4.8", "claude-new", "approximate"),
        ("claude-sonnet-5-5", "claude-new", "approximate"),
        ("google/gemini-3.1-pro-preview", "gemini-3", "exact"),
        ("qwen/qwen3-32b", "qwen-3", "exact"),
        ("qwen3-14b:free", "qwen-3", "exact"),
        ("qwen/qwen3.5-27b", "qwen", "approximate"),
        ("qwen/qwen3-235b-a22b-2507", "qwen-3, later", "approximate"),
        ("qwen/qwen-2.5-72b-instruct", "qwen-2.5", "exact"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "qwen-2.5", "exact"),
        ("deepseek-chat", "deepseek-v3", "exact"),
        ("deepseek/deepseek-chat-v3-0324", "deepseek-v3", "exact"),
        ("deepseek-ai/DeepSeek-V3.1-Terminus", "deepseek-v3.1", "exact"),
        ("deepseek/deepseek-r1-0528", "deepseek-r1-0528", "exact"),
        ("deepseek-v4-pro", "deepseek", "approximate"),
        ("deepseek-r1-distill-llama-70b", "unknown", "approximate"),
        ("mistral-large-2512", "mistral", "exact"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "mistral-nemo", "exact"),
        ("mistralai/Mistral-Small-24B-Instruct-2501", "mistral", "exact"),
        ("mistral-large-2407", "mistral, earlier", "approximate"),
        ("mixtral-8x7b-instruct", "mistral, earlier", "approximate"),
        ("google/gemma-3-27b-it", "gemma-3", "exact"),
        ("gemma2-9b-it", "gemma-2", "exact"),
        ("google/gemma-4-31b-it", "gemma", "approximate"),
        ("openai/gpt-oss-120b", "gpt-oss", "exact"),
        ("moonshotai/kimi-k2-instruct", "kimi", "approximate"),
        ("z-ai/glm-4.6", "glm", "approximate"),
    ],
)
def test_a_model_counts_as_its_own_family_and_says_how_exact_that_is(model, name, exactness):
    assert (find_family_tokenizer(model).name, find_family_tokenizer(model).exactness.value) == (
        name,
        exactness,
    )


@pytest.mark.parametrize(
    "model", ["claude-opus-4-8", "claude-3-opus-latest", "kimi-k2", "glm-5", "gpt-6", "else"]
)
@pytest.mark.parametrize("content", AWKWARD)
def test_an_approximate_count_never_exceeds_its_bound(model, content):
    count = find_family_tokenizer(model).count([Message("user", content)])
    assert 0 < count.tokens <= count.bound
