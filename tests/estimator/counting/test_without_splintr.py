"""Where splintr has no wheel, tiktoken counts the same by rank files, or says what is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from functools import cache
from operator import itemgetter

import pytest
import splintr

from estimator.counting.vocabularies import HARD_STRINGS, load_vocabulary, load_vocabulary_sources
from estimator.counting.vocabularies.rank_files import find_rank_file
from estimator.counting.vocabularies.sources import _load_patterns
from estimator.counting.vocabularies.vocabulary import load_ranks

SOURCES = load_vocabulary_sources()
PUBLISHED = [name for name, source in SOURCES.items() if source.rank_file and source.ranks]
OPENAI = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
COUNT = """
import json, sys
sys.modules["splintr"] = None
from estimator.counting.vocabularies import load_vocabulary
texts = json.load(sys.stdin)
for name in sys.argv[1:]:
    print(json.dumps([load_vocabulary(name).count(each) for each in texts]))
"""
COMMAND = """
import sys
sys.modules["splintr"] = None
from afcost.__main__ import main
main()
"""
LETTERS = "abcXYZ019 \t\n\r.,'’é世界ßµ👩\u200d🏽א ١a\u0301\u00a0-_/<|>{}"


@cache
def write_ranks(name):
    """Return a vocabulary's tokens as splintr has them, in the form of a rank file."""
    ranks = sorted(load_ranks(name).items(), key=itemgetter(1))
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a home without counts and vocabularies; tiktoken's cache is empty too."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    return tmp_path / "home"


def run(script, *arguments, said=""):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


def make_texts():
    draw = random.Random(18)
    drawn = ["".join(draw.choices(LETTERS, k=draw.randint(1, 300))) for _ in range(60)]
    return [*HARD_STRINGS, *drawn, " " * 5000, "ab" * 3000]


def test_a_rank_file_is_what_splintr_has():
    found = {name: hashlib.sha256(write_ranks(name)).hexdigest() for name in PUBLISHED}
    assert found == {name: SOURCES[name].rank_file.sha256 for name in PUBLISHED}


def test_patterns_are_those_of_splintr():
    assert {name: getattr(splintr, name) for name in _load_patterns()} == _load_patterns()


def test_tiktoken_counts_as_splintr_does(home, tmp_path):
    """Count with ranks in the folder of vocabularies, and in tiktoken's own cache."""
    cached = hashlib.sha1(OPENAI.encode(), usedforsecurity=False).hexdigest()
    places = {
        "qwen": home / "data" / "vocabularies" / SOURCES["qwen"].rank_file.sha256,
        "o200k": tmp_path / "tiktoken" / cached,
    }
    for name, place in places.items():
        place.parent.mkdir(parents=True)
        place.write_bytes(write_ranks(name))
    texts = make_texts()
    done = run(COUNT, *places, said=json.dumps(texts))
    assert done.returncode == 0, done.stderr
    for name, line in zip(places, done.stdout.splitlines(), strict=True):
        assert json.loads(line) == [load_vocabulary(name).count(each) for each in texts], name


def test_what_is_missing_is_said_and_a_damaged_file_is_missing(home):
    done = run(COMMAND, "estimate", "--model", "gpt-4o", "--limit", "1")
    assert done.returncode == 1
    file = SOURCES["o200k"].rank_file
    place = home / "data" / "vocabularies" / file.sha256
    for each in (file.name, file.sha256, str(place), "afcost tokenizers --fetch o200k"):
        assert each in " ".join(done.stderr.split())
    place.parent.mkdir(parents=True)
    place.write_bytes(write_ranks("o200k"))
    assert find_rank_file(file) == place
    place.write_bytes(write_ranks("o200k")[:-20])
    assert find_rank_file(file) is None
    checked = run(COMMAND, "doctor", "-v").stdout
    assert "tiktoken counts in its place" in checked
    assert "afcost tokenizers --fetch llama-3" in checked
