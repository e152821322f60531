"""What `server.py` says about llama.cpp's counting, held by asking it."""

import pytest

from tests.support.http_client import post
from tests.support.llama import server as llama
from tests.support.packages import fetch

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HELLO = {"role": "user", "content": "Hello!"}
CHATS = [
    [HELLO],
    [{"role": "system", "content": "  Be brief.\n"}, {"role": "user", "content": " Xin chào! "}],
    [
        {"role": "user", "content": "Có nhiều việc; <|image|> 12345\n\n\tok\u00a0."},
        {"role": "assistant", "content": "Да, конечно: практика."},
        {"role": "user", "content": "<SCRATCHPAD_REASONING>"},
    ],
]


@pytest.fixture(scope="module")
def url():
    try:
        with llama.run_llama() as url:
            yield url
    except fetch.PackageMissing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def count(url):  # noqa: ARG001 - skips when the packages are missing
    """Render with the published template in jinja2, count with Hugging Face's tokenizers."""
    sandbox = pytest.importorskip("jinja2.sandbox")
    tokenizers = pytest.importorskip("tokenizers")
    environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(fetch.llama31_template())
    file = fetch.llama31_vocabulary() / "tokenizer.json"
    tokenizer = tokenizers.Tokenizer.from_file(str(file))

    def count(messages, opened=""):
        given = {"bos_token": "<|begin_of_text|>", "add_generation_prompt": True}
        text = template.render(messages=messages, **given)
        return len(tokenizer.encode(text + opened, add_special_tokens=False).ids)

    return count


def chat(url, messages, **fields):
    return post(url + CHAT, {"model": "any", "messages": messages, "max_tokens": 4} | fields)


def message(url, messages, **fields):
    return post(url + MESSAGES, {"model": "any", "messages": messages, "max_tokens": 4} | fields)


@pytest.mark.parametrize("messages", CHATS)
def test_the_prompt_is_counted_as_the_template_renders_it(url, count, messages):
    assert chat(url, messages).json["usage"]["prompt_tokens"] == count(messages)


def test_trimming_spares_what_is_space_to_unicode_only(url, count):
    messages = [{"role": "user", "content": "ok\u00a0"}]
    assert chat(url, messages).json["usage"]["prompt_tokens"] == count(messages) + 1


def test_a_lone_hello_is_37_tokens(url):
    assert chat(url, [HELLO]).json["usage"]["prompt_tokens"] == 37


@pytest.mark.parametrize("opened", ["Sure, here", "<OUTPUT>", " nhiều \n"])
def test_a_final_assistant_message_is_continued_untrimmed(url, count, opened):
    answer = chat(url, [HELLO, {"role": "assistant", "content": opened}]).json
    assert answer["usage"]["prompt_tokens"] == count([HELLO], opened)
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["choices"][0]["message"]["content"].startswith(opened)


def test_anthropics_input_excludes_what_was_cached(url, count):
    for _ in range(2):
        usage = message(url, [HELLO], system="Be brief.").json["usage"]
        total = usage["input_tokens"] + usage["cache_read_input_tokens"]
        assert total == count([{"role": "system", "content": "Be brief."}, HELLO])
    assert usage["cache_read_input_tokens"] > 0


def test_openais_input_includes_what_was_cached(url, count):
    for _ in range(2):
        usage = chat(url, [HELLO]).json["usage"]
        assert usage["prompt_tokens"] == count([HELLO])
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] < 37


def test_max_tokens_holds(url):
    chatted = chat(url, [HELLO], max_tokens=7, logit_bias={"128009": -100}).json
    messaged = message(url, [HELLO], max_tokens=7).json
    assert chatted["usage"]["completion_tokens"] == messaged["usage"]["output_tokens"] == 7
    assert chatted["choices"][0]["finish_reason"] == "length"
    assert messaged["stop_reason"] == "max_tokens"


def test_the_closing_token_is_billed(url):
    answer = chat(url, [HELLO], logit_bias={"128009": 100}).json
    assert answer["choices"][0]["message"]["content"] == ""
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == 1


def test_a_bias_gives_answers_of_varied_length(url):
    lengths = [
        chat(url, [HELLO], max_tokens=256, logit_bias={"128009": 6.5}).json["usage"][
            "completion_tokens"
        ]
        for _ in range(8)
    ]
    assert len(set(lengths)) > 2


def test_several_answers_are_billed_as_one(url):
    answer = chat(url, [HELLO], n=3, logit_bias={"128009": -100}).json
    assert len(answer["choices"]) == 3
    assert answer["usage"]["completion_tokens"] == 4


def test_a_long_prompt_fits_and_a_longer_one_is_refused(url):
    fits = chat(url, [{"role": "user", "content": " hello" * 6000}], max_tokens=64)
    assert fits.json["usage"]["prompt_tokens"] == 6035
    refused = chat(url, [{"role": "user", "content": " hello" * 9000}])
    assert refused.status == 400
    assert refused.json["error"]["type"] == "exceed_context_size_error"


def test_a_bias_in_the_weights_serves_both_forms():
    try:
        server = llama.run_llama(end_bias=6.5, cache_prompts=False)
        with server as url:
            usages = [message(url, [HELLO], max_tokens=256).json["usage"] for _ in range(8)]
    except fetch.PackageMissing as reason:
        pytest.skip(str(reason))
    assert len({usage["output_tokens"] for usage in usages}) > 2
    assert {usage["cache_read_input_tokens"] for usage in usages} == {0}
