"""Download one file over HTTP, with limits on its size and on every wait."""

from __future__ import annotations

import time

import requests


def download_file(
    url: str, max_bytes: int, timeout: tuple[float, float], max_seconds: float
) -> bytes:
    """Download a file, up to `max_bytes` of it.

    Args:
        url: http or https; redirects are not followed.
        max_bytes: nothing more is read after this many bytes.
        timeout: seconds to connect, and between two reads.
        max_seconds: seconds for the whole download.

    Raises:
        requests.RequestException: the file could not be downloaded.
        ValueError: the status is not 200, or the download took too long.
    """
    deadline, chunks, size = time.monotonic() + max_seconds, [], 0
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
            if size >= max_bytes:
                break
            if time.monotonic() > deadline:
                raise ValueError(f"it took longer than {max_seconds:g} s")
    return b"".join(chunks)[:max_bytes]
