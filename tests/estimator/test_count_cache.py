"""The cache of counts: right or missing, and never in the way."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estimator.count_cache import (
    CountCache,
    bypass_cached_counts,
    cached_encoder,
    default_cache,
    make_cache_key,
)

ONE, OTHER = make_cache_key("one"), make_cache_key("other")
SURVEY = '{"requests": 48, "input_tokens": 123456789}'
STEADY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "counts.sqlite"


@pytest.fixture
def filled(path, opened):
    """Return the path of a cache with a count and a document, closed."""
    cache = opened(path)
    fill(cache)
    cache._connection.close()
    return path


def fill(cache: CountCache) -> None:
    cache.put_count(ONE, 812)
    cache.put_document(ONE, SURVEY)
    cache.flush()


def test_counts_and_documents_survive_and_are_told_apart(filled, opened):
    again = opened(filled)
    assert (again.get_count(ONE), again.get_document(ONE)) == (812, SURVEY)
    assert (again.get_count(OTHER), again.get_document(OTHER)) == (None, None)
    assert (again.count_entries(), again.problem) == ((1, 1), "")


def test_a_count_is_found_before_it_is_written_and_a_later_one_replaces_it(path, opened):
    cache = opened(path)
    cache.put_count(ONE, 5)
    assert cache.get_count(ONE) == 5
    cache.flush()
    cache.put_count(ONE, 6)
    cache.flush()
    assert opened(path).get_count(ONE) == 6


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE count SET tokens = 12; UPDATE document SET text = '{}'",
        "UPDATE count SET key = x'00'; UPDATE document SET key = x'00'",
        "UPDATE count SET sum = NULL; UPDATE document SET sum = NULL",
        "UPDATE count SET tokens = NULL; UPDATE document SET text = NULL",
        "UPDATE document SET text = CAST(x'fffe' AS TEXT); UPDATE count SET tokens = x'fffe'",
    ],
)
def test_an_entry_whose_checksum_is_wrong_is_not_believed_and_the_others_are(
    filled, opened, damage
):
    with closing(sqlite3.connect(filled)) as connection:
        connection.executescript(damage)
    cache = opened(filled)
    for key in (ONE, b"\0"):
        assert cache.get_count(key) is None
        assert cache.get_document(key) is None
    fill(cache)
    assert (opened(filled).get_count(ONE), opened(filled).get_document(ONE)) == (812, SURVEY)


def truncate(path, _):
    os.truncate(path, path.stat().st_size // 2)


def randomise(path, _):
    path.write_bytes(os.urandom(20_000))


def a_strangers(path, _):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE photo (name TEXT); PRAGMA application_id = 7")


def an_older_one(path, _):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA user_version = 99")


@pytest.mark.parametrize("spoil", [truncate, randomise, a_strangers, an_older_one])
def test_a_damaged_or_foreign_file_is_put_aside_whole_and_made_anew(filled, opened, spoil):
    spoil(filled, None)
    found = filled.read_bytes()
    cache = opened(filled)
    assert cache.get_count(ONE) is None
    assert cache.get_document(ONE) is None
    assert str(filled) in cache.problem
    assert "moved to counts.sqlite.damaged and recreated" in cache.problem
    assert filled.with_name("counts.sqlite.damaged").read_bytes() == found
    fill(cache)
    again = opened(filled)
    assert (again.get_count(ONE), again.get_document(ONE), again.problem) == (812, SURVEY, "")


def test_what_was_not_written_when_the_file_broke_is_written_to_the_new_one(filled, opened):
    cache = opened(filled)
    cache.put_count(OTHER, 7)
    cache._connection.execute("PRAGMA cache_size = 0")
    with filled.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (filled.stat().st_size - 100))
    for _ in range(3):
        cache.flush()
    assert "recreated" in cache.problem
    assert opened(filled).get_count(OTHER) == 7


@STEADY
@given(damage=st.data())
def test_whatever_bytes_are_damaged_an_entry_is_right_or_missing(tmp_path, opened, damage):
    path = tmp_path / "counts.sqlite"
    for old in tmp_path.iterdir():
        old.unlink()
    fill(opened(path))
    opened(path)._connection.close()
    content = bytearray(path.read_bytes())
    place = damage.draw(st.integers(0, 250) | st.integers(0, len(content) - 1))
    written = damage.draw(st.binary(min_size=1, max_size=40))
    content[place : place + len(written)] = written
    path.write_bytes(content)
    cache = opened(path)
    assert cache.get_count(ONE) in {812, None}
    assert cache.get_document(ONE) in {SURVEY, None}
    fill(cache)
    assert (cache.get_count(ONE), cache.get_document(ONE) in {SURVEY, None}) == (812, True)


@pytest.mark.parametrize("place", ["file/counts.sqlite", "folder"])
def test_without_a_place_to_write_counts_are_only_not_kept(tmp_path, opened, place):
    (tmp_path / "file").write_text("a file, not a folder")
    (tmp_path / "folder").mkdir()
    cache = opened(tmp_path / place)
    assert "counts are not cached" in cache.problem
    fill(cache)
    assert cache.get_document(ONE) is None
    assert cache.get_count(ONE) == 812, "a provider was asked for it; this process still knows it"
    assert cache.count_entries() == (0, 0)
    assert (tmp_path / "file").read_text() == "a file, not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_folder_that_cannot_be_written_counts_are_only_not_kept(tmp_path, opened):
    tmp_path.chmod(0o500)
    cache = opened(tmp_path / "counts.sqlite")
    tmp_path.chmod(0o700)
    assert "counts are not cached" in cache.trouble


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cache_that_another_process_locks_is_done_without_and_not_put_aside(filled, opened, when):
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        cache = opened(filled) if when == "after" else None
        other.execute("BEGIN EXCLUSIVE")
        cache = cache or opened(filled)
        cache.put_count(OTHER, 7)
        cache.flush()
        assert "locked; counts are not cached" in cache.problem
        assert cache.get_count(OTHER) == 7
        other.execute("ROLLBACK")
    assert [path.name for path in filled.parent.iterdir() if "damaged" in path.name] == []
    assert opened(filled).get_count(ONE) == 812


@STEADY
@given(parts=st.lists(st.text(st.characters(), max_size=4), min_size=2, max_size=4), data=st.data())
def test_a_key_names_its_parts_and_not_only_their_joined_text(parts, data):
    text, cut = "".join(parts), []
    while len(cut) < len(parts) - 1:
        cut.append(data.draw(st.integers(0, len(text))))
    ends = [0, *sorted(cut), len(text)]
    others = [text[start:end] for start, end in pairwise(ends)]
    assert (make_cache_key(*parts) == make_cache_key(*others)) == (parts == others)


@STEADY
@given(text=st.text(max_size=60), times=st.sampled_from([1, 90, 1600]))
@pytest.mark.usefixtures("home")
def test_a_remembered_count_is_the_encoders_and_a_long_text_is_counted_once(text, times):
    asked = []

    def encoder(text: str) -> int:
        asked.append(text)
        return len(text) + len(text.split())

    long = text * times
    counted = cached_encoder(encoder, f"an encoder {make_cache_key(long).hex()}")
    assert [counted(long) for _ in range(3)] == [len(long) + len(long.split())] * 3
    assert len(asked) == (1 if len(long) >= 16_384 else 3)
    before = len(asked)
    default_cache().flush()
    assert counted(long) == encoder(long)
    assert len(asked) == before + (1 if len(long) >= 16_384 else 2)


@pytest.mark.usefixtures("home")
def test_another_tokenizers_count_of_the_same_text_is_not_taken(new_process):
    text = "word " * 4000
    assert cached_encoder(len, "characters")(text) == 20_000
    default_cache().flush()
    new_process()
    assert cached_encoder(lambda text: len(text.split()), "words")(text) == 4000
    assert cached_encoder(lambda _: 0, "characters")(text) == 20_000, "kept since the last process"


@pytest.mark.usefixtures("home")
def test_cached_counts_are_bypassed_only_within_the_context():
    text, lengths = "word " * 4000, iter([1, 2, 3])
    counted = cached_encoder(lambda _: next(lengths), "an encoder that never agrees with itself")
    assert counted(text) == 1
    with bypass_cached_counts(enabled=False):
        assert counted(text) == 1
    with bypass_cached_counts(enabled=True):
        assert counted(text) == 2
    assert counted(text) == 2, "the new count was stored"
    with pytest.raises(ZeroDivisionError), bypass_cached_counts(enabled=True):
        raise ZeroDivisionError
    assert counted(text) == 2
