"""Every open family counts as its makers' own tokenizer and template do, on chats made to be hard.

The texts hold the family's own marks and others', space of every kind, joined and combining
characters, lone surrogates and nothing at all. See `random_chats.py` and
`reference_counts.py` in `tests/support/oracles`.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from estimator.counting.model_families import FamilyTokenizer, find_family, make_family_tokenizer
from estimator.counting.token_count import Exactness
from estimator.counting.vocabularies.added_tokens import ADDED_TOKENS
from estimator.counting.vocabularies.vocabulary import load_vocabulary_sources
from tests.support.oracles import mistral, reference_counts
from tests.support.oracles.random_chats import chats, texts
from tests.support.packages import fetch, vocabularies

MODELS = [*reference_counts.ORACLES, *mistral.VERSIONS]
VOCABULARIES = {
    "llama-3": "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "llama-4": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "qwen": "Qwen/Qwen3-32B",
    "deepseek-v3": "deepseek-ai/DeepSeek-V3",
    "gemma-2": "google/gemma-2-9b-it",
    "gemma-3": "google/gemma-3-27b-it",
    "o200k": "openai/gpt-oss-120b",
    "tekken": "mistralai/Mistral-Nemo-Instruct-2407",
}
FEW, CHATS, TEXTS, SAMPLE = 150, 2000, 4000, 100  # the many begin with the few
DATED = {"meta-llama/Llama-3.2-3B-Instruct", "openai/gpt-oss-120b"}  # print the day


@pytest.fixture
def oracle(model):
    try:
        return reference_counts.oracle_of(model)
    except fetch.PackageMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def ours(model) -> FamilyTokenizer:
    try:
        return tokenizer_with_all_fetched(model)
    except fetch.PackageMissing as missing:
        pytest.skip(str(missing))


@functools.cache
def tokenizer_with_all_fetched(model: str) -> FamilyTokenizer:
    """Find our tokenizer as where Llama 4's vocabulary was fetched, whatever other tests found."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFCOST_HOME", home)
        if "Llama-4" in model:
            place = (
                Path(home) / "data" / "vocabularies" / load_vocabulary_sources()["llama-4"].sha256
            )
            place.parent.mkdir(parents=True)
            shutil.copy(fetch.folder(vocabularies.LLAMA4) / "tokenizer.model", place)
        tokenizer = make_family_tokenizer(find_family.__wrapped__(model))
        tokenizer.count_text("loaded now")
        return tokenizer


def drawn(model, oracle, count=CHATS):
    return list(chats(reference_counts.shape_of(model), oracle.marks, count, seed=model))


def compare(cases, found, expected) -> None:
    """Fail where counts differ, with how many do and the shortest case."""
    both = zip(cases, found, expected, strict=True)
    wrong = [(case, count, right) for case, count, right in both if count != right]
    if wrong:
        case, count, right = min(wrong, key=lambda each: len(repr(each)))
        pytest.fail(f"{len(wrong)} of {len(cases)} differ: {count}, not {right}, for {case!r}")


@pytest.mark.parametrize("chats", [FEW, pytest.param(CHATS, marks=pytest.mark.campaigns)])
@pytest.mark.parametrize("model", MODELS)
def test_hard_chats_count_as_their_makers_count_them(model, ours, oracle, chats):
    many = drawn(model, oracle, chats)
    counts = [ours.count(messages) for messages in many]
    assert {count.exactness for count in counts} == {Exactness.EXACT}
    assert all(count.tokens == count.bound for count in counts)
    compare(many, [count.tokens for count in counts], oracle.counts(many))


@pytest.mark.parametrize("model", reference_counts.ORACLES)
def test_rendering_and_encoding_apart_is_what_transformers_does_in_one_go(model, oracle):
    sample = [chat for chat in drawn(model, oracle, SAMPLE) if oracle.takes_in_one_go(chat)]
    assert len(sample) > SAMPLE * 0.9
    compare(sample, [len(oracle.ids(chat)) for chat in sample], oracle.counts(sample))


@pytest.mark.parametrize("model", VOCABULARIES.values(), ids=VOCABULARIES)
def test_random_texts_count_as_their_makers_count_them(model, ours, oracle):
    many = texts(oracle.marks, TEXTS, seed=f"texts {model}")
    compare(many, map(ours.count_text, many), oracle.text_counts(many))


@pytest.mark.parametrize("model", VOCABULARIES.values(), ids=VOCABULARIES)
def test_long_runs_count_as_their_makers_count_them(ours, oracle):
    runs = [
        before + character * length + after
        for character in " \n\t▁-=0é"
        for length in (*range(1, 100), 127, 128, 129, 300)
        for before, after in (("", ""), ("a", "b"), ("\n", " x"), ("▁", "▁"))
    ]
    compare(runs, map(ours.count_text, runs), oracle.text_counts(runs))


@pytest.mark.parametrize("model", reference_counts.ORACLES)
def test_the_added_tokens_are_the_makers_to_the_last_one(ours, oracle):
    assert set(ADDED_TOKENS[ours.family.added]) == set(oracle.marks)


@pytest.mark.parametrize("model", mistral.VERSIONS)
def test_a_mark_of_mistrals_in_a_text_is_ordinary(ours, oracle):
    found = [ours.count_text(mark) for mark in oracle.marks]
    assert found == oracle.text_counts(oracle.marks)
    assert min(found) > 1


@pytest.mark.parametrize("model", reference_counts.ORACLES)
def test_a_chat_has_as_many_tokens_on_every_day(model, oracle, monkeypatch):
    (chat,) = drawn(model, oracle, 1)
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days) for days in range(4 * 365 + 1)]
    clock = SimpleNamespace()
    monkeypatch.setattr("transformers.utils.chat_template_utils.datetime", clock)
    rendered = []
    for day in days:
        clock.now = lambda day=day: day
        rendered.append(oracle.rendered(chat))
    assert len(set(rendered)) == (len(days) if model in DATED else 1)
    assert len(set(oracle.text_counts(rendered))) == 1


@pytest.mark.parametrize("model", ["openai/gpt-oss-120b"])
def test_a_chat_has_as_many_tokens_for_every_effort(model, oracle):
    (chat,) = drawn(model, oracle, 1)
    efforts = ("low", "medium", "high")
    rendered = {oracle.rendered(chat, reasoning_effort=effort) for effort in efforts}
    assert len(rendered) == len(efforts)
    assert len(set(oracle.text_counts(rendered))) == 1
