"""Downloading: one file over HTTP, with limits on its size and on every wait."""

from __future__ import annotations

import time

import requests


def download(url: str, most: int, timeout: tuple[float, float], longest: float) -> bytes:
    """Fetch a file, or as much of it as `most` bytes.

    Args:
        url: http or https; it must answer itself, redirections are not followed.
        most: bytes, after which nothing more is read.
        timeout: seconds to connect, and between two reads.
        longest: seconds in all.

    Raises:
        requests.RequestException: it could not be had.
        ValueError: the answer is not a 200, or took too long.
    """
    until, chunks, size = time.monotonic() + longest, [], 0
    with requests.get(
        url,
        timeout=timeout,
        stream=True,
        allow_redirects=False,
        headers={"Accept": "application/json"},
    ) as response:
        if response.status_code != requests.codes.ok:
            raise ValueError(f"it answered HTTP {response.status_code}")
        for chunk in response.iter_content(1 << 16):
            chunks.append(chunk)
            size += len(chunk)
            if size >= most:
                break
            if time.monotonic() > until:
                raise ValueError(f"it took longer than {longest:g} s")
    return b"".join(chunks)[:most]
