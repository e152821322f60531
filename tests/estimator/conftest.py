"""A home of one's own, and processes that know only what is on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estimator import count_cache as cache
from estimator.counting import tokenizer as counting


@pytest.fixture
def new_process() -> Callable[[], None]:
    """Return a function that forgets what is not on the disk, as when a new process begins."""

    def forget() -> None:
        if cache.default_cache.cache_info().currsize:
            close(cache.default_cache())
        for remembering in (
            cache.default_cache,
            counting.build_tokenizer,
            counting.cached_custom_tokenizer,
        ):
            remembering.cache_clear()

    return forget


@pytest.fixture
def home(tmp_path: Path, monkeypatch, new_process) -> Iterator[Path]:
    """Return an AFCOST_HOME where nothing was counted and nothing learned."""
    folder = tmp_path / "own-home"
    new_process()
    with monkeypatch.context() as patch:
        patch.setenv("AFCOST_HOME", str(folder))
        yield folder
        new_process()


@pytest.fixture
def opened() -> Iterator[Callable[[Path], cache.CountCache]]:
    """Return a function that opens a cache, which is closed in the end."""
    caches: list[cache.CountCache] = []

    def open_cache(path: Path) -> cache.CountCache:
        for each in caches:
            close(each)
        caches.append(cache.CountCache(path))
        return caches[-1]

    yield open_cache
    for each in caches:
        close(each)


def close(each: cache.CountCache) -> None:
    """Close a cache as the end of its process does."""
    if each._connection is not None:
        each._connection.close()
