"""The fast encoder counts what splintr counts, and is used only where it does and where it pays."""

from __future__ import annotations

import random
import sys

import pytest

from estimator.counting.vocabularies import vocabulary as source
from estimator.counting.vocabularies.fast_encoder import FastEncoder, load_fast_encoder
from estimator.counting.vocabularies.hard_strings import HARD_STRINGS
from estimator.counting.vocabularies.vocabulary import (
    load_ranks,
    load_vocabulary_sources,
    read_pattern,
)

FAST = [name for name, each in load_vocabulary_sources().items() if each.fast]
POOLS = [
    *("abcXYZ", "éüñß", "世界你好", "0123456789", " \t\n\r", " \u00a0\u2003\u3000", "!?.,;'\"-—“”"),
    *("\U0001f44d\U0001f3fd\u200d", "e\u0301\u0308", "ابتث", "कखग", "\x00\x1f\x85\u2028", "'sS'tT"),
]
TINY = {bytes([byte]): byte for byte in range(256)}
WORDS = r"[^ ]+| "
LONG = 3000


def strings(number: int) -> list[str]:
    """Return random strings of mixed scripts, and of any characters."""
    dice = random.Random(5)
    mixed = [
        "".join(dice.choice(dice.choice(pools)) for _ in range(dice.randint(1, 60)))
        for pools in (dice.sample(POOLS, dice.randint(1, 5)) for _ in range(number))
    ]
    anything = [
        bytes(dice.randrange(256) for _ in range(80)).decode("utf-16-le", "ignore")
        for _ in range(number // 3)
    ]
    return [*mixed, *anything]


def differing(name: str) -> list[str]:
    count = source._count_with_splintr(load_vocabulary_sources()[name])
    pattern = read_pattern(load_vocabulary_sources()[name])
    fast = load_fast_encoder(name, lambda: load_ranks(name), pattern)
    return [each for each in (*HARD_STRINGS, *strings(2000)) if fast(each) != count(each)]


def test_it_counts_as_splintr_does():
    assert differing("llama-3") == []


@pytest.mark.campaigns
@pytest.mark.parametrize("name", [name for name in FAST if name != "llama-3"])
def test_it_counts_every_vocabulary_as_splintr_does(name):
    assert differing(name) == []


def count_bytes(text: str) -> int:
    return len(text.encode())


def test_it_is_used_once_so_much_long_text_was_counted_that_it_pays():
    fast = FastEncoder("tiny", count_bytes, lambda: TINY, WORDS, after=2 * LONG)
    assert fast("é" * LONG) == 2 * LONG
    assert fast._count is count_bytes
    assert fast("é" * LONG) == 2 * LONG
    assert fast._count is not count_bytes
    assert fast("short é") == 8


def test_one_that_counts_otherwise_is_not_used():
    fast = FastEncoder("tiny", len, lambda: TINY, WORDS)
    assert not fast.load()
    assert fast("é" * LONG) == LONG, "which has twice as many bytes"


@pytest.mark.parametrize("ranks", [{}, {b"ab": 0}])
def test_where_it_cannot_be_loaded_the_other_counts(ranks):
    assert FastEncoder(f"bad {len(ranks)}", len, lambda: ranks, "x", after=1)("a" * LONG) == LONG


def test_where_it_is_not_installed_the_other_counts(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastokens._native", None)
    assert FastEncoder("tiny", len, lambda: TINY, WORDS, after=1)("a" * LONG) == LONG


def test_what_was_kept_of_a_vocabulary_is_made_again_where_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path))
    asked = []

    def load():
        asked.append("")
        return TINY

    assert FastEncoder("tiny", count_bytes, load, WORDS).load()
    assert FastEncoder("tiny", count_bytes, load, WORDS).load()
    assert len(asked) == 1
    (kept,) = tmp_path.rglob("encoders/*.json")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert FastEncoder("tiny", count_bytes, load, WORDS).load()
    assert len(asked) == 2
