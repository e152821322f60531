"""What the oracles are made of is what their makers published."""

import json
from pathlib import Path

import pytest

from tests.support.oracles import reference_counts
from tests.support.oracles.random_chats import PIECES, Shape, chats, texts, whole
from tests.support.packages import chat_templates, fetch, vocabularies


def fetched(make, *given):
    try:
        return make(*given)
    except fetch.PackageMissing as reason:
        pytest.skip(str(reason))


def added_tokens(path: Path) -> dict[int, str]:
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    return {token["id"]: token["content"] for token in tokenizer["added_tokens"]}


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("llama-3", 256, {128009: "<|eot_id|>", 128010: "<|reserved_special_token_5|>"}),
        ("llama-3", 256, {128255: "<|reserved_special_token_250|>"}),
        ("llama-4", 2048, {200005: "<|header_start|>", 200016: "<|python_start|>"}),
        ("llama-4", 2048, {200080: "<|image_start|>", 202047: "<|reserved_special_token_903|>"}),
        ("qwen-2.5", 22, {151645: "<|im_end|>", 151664: "<|file_sep|>"}),
        ("qwen-3", 26, {151667: "<think>"}),
        ("deepseek-v3", 818, {128799: "<｜place▁holder▁no▁799｜>", 128803: "<｜User｜>"}),
        ("deepseek-r1", 818, {128797: "<｜place▁holder▁no▁797｜>", 128799: "</think>"}),
        ("deepseek-v3.1", 818, {128797: "<｜search▁end｜>", 128799: "</think>"}),
    ],
)
def test_the_added_tokens_of_a_family(name, count, some):
    added = added_tokens(fetched(vocabularies.path, name))
    assert len(added) == len(set(added.values())) == count
    assert added.items() >= some.items()


def test_llama_4s_tokenizer_splits_as_metas_own_tiktoken_file_does():
    tiktoken = pytest.importorskip("tiktoken")
    load = pytest.importorskip("tiktoken.load").load_tiktoken_bpe
    folder = fetched(fetch.folder, vocabularies.LLAMA4)
    pattern, added = vocabularies.llama4_settings((folder / "tokenizer.py").read_text("utf-8"))
    own = tiktoken.Encoding(
        "llama-4",
        pat_str=pattern,
        mergeable_ranks=load(str(folder / "tokenizer.model")),
        special_tokens={name: 200000 + number for number, name in enumerate(added)},
    )
    converted = reference_counts.oracle_of("meta-llama/Llama-4-Scout-17B-16E-Instruct").tokenizer
    for text in map(whole, texts(added, 1000, seed="llama 4")):
        ids = converted.encode(text, add_special_tokens=False)
        assert ids == own.encode(text, allowed_special="all"), repr(text)


def test_mistrals_bundled_vocabularies_have_the_same_tokens():
    tokenizers = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    data = Path(tokenizers.MistralTokenizer._data_path())
    nemo, later = (
        json.loads((data / f"tekken_{day}.json").read_text(encoding="utf-8"))
        for day in (240718, 240911)
    )
    assert nemo["config"] == later["config"]
    used = nemo["config"]["default_vocab_size"] - nemo["config"]["default_num_special_tokens"]
    assert nemo["vocab"][:used] == later["vocab"][:used]


def test_the_same_seed_draws_the_same_chats_within_their_shape():
    gemma = Shape(system=False, alternates=True, blank_prefill=False)
    first, again = (list(chats(gemma, ["<mark>"], 300, seed="x")) for _ in range(2))
    assert first == again != list(chats(gemma, ["<mark>"], 300, seed="y"))
    roles = {tuple(message.role for message in chat[:3]) for chat in first}
    assert roles == {("user",), ("user", "assistant"), ("user", "assistant", "user")}
    assert all(chat[-1].role == "user" or chat[-1].content.strip() for chat in first)
    content = "".join(message.content for chat in first for message in chat)
    assert "<mark>" in content
    assert all(piece in content for piece in PIECES)


def test_an_escape_in_a_template_means_what_javascript_says():
    script = r"""
        model: "library/first:1b", gguf: `a \\n \` \${b} \u00e9`, ollama: {`x`}
        model: "library/second:1b",
        gguf: "c\n\"d\" \\n",
    """
    assert chat_templates.in_javascript(script, "first:1b") == "a \\n ` ${b} é"
    assert chat_templates.in_javascript(script, "second:1b") == 'c\n"d" \\n'
    with pytest.raises(LookupError, match=r"third:1b"):
        chat_templates.in_javascript(script, "third:1b")


def test_a_template_in_python_is_read_without_running_it():
    assert chat_templates.in_python("x = '''{{ a }}'''\nraise SystemExit", "x") == "{{ a }}"
    with pytest.raises(LookupError, match="no variable y"):
        chat_templates.in_python("x = 1", "y")
