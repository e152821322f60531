"""Blocks of texts: deflated, each with its digest, in the page or in a folder beside it.

A browser inflates a block when it is asked for one of its items. A page that is opened from disk
may fetch no file, nor check a script's digest. So a block in a folder is a document of its own: the
page opens it in a frame without rights, and its script says its text to the page. The page takes no
text whose digest it does not know, so a folder that was changed, or is another page's, is noticed.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import re
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from markupsafe import Markup

from afcost.page.shell.document import hash_source, read_source, render_part
from estimator.atomic_write import write_atomically
from providers.secrets import redact_addresses

PAGE_LIMIT = 7_000_000  # characters of deflated texts in a page; the rest of it is under 1 MB
_BLOCK = 2**19  # characters of a block before it is deflated
_BLOCK_NAME = re.compile(r"(answers|prompts)-[0-9]+\.html")
_SAYS_WHAT_IT_IS = b"<p>Texts of the report beside this folder: open that.</p>"
_HEAD = 4096  # bytes of a block that has that
_MOST_WAITING = 4  # blocks that are to be written
_BEST, _FAST = 9, 1  # a page is sent around, a folder must be written soon


class TextsTooLarge(Exception):
    """The texts do not fit into the page."""


class BlockStore:
    """Where blocks are kept: in the page until its limit, then all of them in a folder.

    The folder's blocks are deflated and written by a thread, while more answers are read.

    Args:
        folder: beside the page; None where the texts must fit into the page.

    Attributes:
        in_page: name -> the deflated block in base64.
        is_folder: whether they are in the folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self.in_page: dict[str, str] = {}
        self.is_folder = False
        self._folder, self._size = folder, 0
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[str]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def keep(self, name: str, text: str) -> Future[str]:
        """Keep a block, and return its digest, once it is known.

        Raises:
            TextsTooLarge: there is no room for it in the page, and no folder.
            OSError: the folder cannot be written.
        """
        if not self.is_folder:
            return self._keep_in_page(name, text)
        while len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._deflate_to_folder, name, text))
        return self._waiting[-1]

    def _keep_in_page(self, name: str, text: str) -> Future[str]:
        written = deflate(text)
        self.in_page[name] = written
        self._size += len(written)
        if self._size > PAGE_LIMIT:
            self._move_to_folder()
        known: Future[str] = Future()
        known.set_result(_digest(written))
        return known

    def _move_to_folder(self) -> None:
        if self._folder is None:
            raise TextsTooLarge
        self._folder.mkdir(parents=True, exist_ok=True)
        _clear(self._folder)
        for name, written in self.in_page.items():
            self._write(self._folder, name, written)
        self.in_page, self.is_folder = {}, True

    def _deflate_to_folder(self, name: str, text: str) -> str:
        written = deflate(text, _FAST)
        if self._folder is not None:
            self._write(self._folder, name, written)
        return _digest(written)

    def _write(self, folder: Path, name: str, written: str) -> None:
        script = read_source("transcripts/block.js")
        document = render_part(
            "transcripts/block.html.j2",
            name=name,
            texts=Markup(written),  # noqa: S704 - base64
            script=Markup(script),  # noqa: S704 - our own file
            script_hash=Markup(hash_source(script)),  # noqa: S704 - our own
        )
        write_atomically(folder / f"{name}.html", document)


class BlockWriter:
    """Gathers items, numbered from 0, in blocks.

    Args:
        kind: of the items: the first part of the blocks' names.
        store: where they are kept.
    """

    def __init__(self, kind: str, store: BlockStore) -> None:
        self._kind, self._store = kind, store
        self._written: list[tuple[int, Future[str]]] = []
        self._items: list[str] = []
        self._length = self._first = 0

    def add(self, item: object) -> int:
        """Add an item of JSON, and return its number."""
        text = json.dumps(item, separators=(",", ":"), allow_nan=False)
        if self._items and self._length + len(text) > _BLOCK:
            self._close_block()
        self._items.append(text)
        self._length += len(text)
        return self._first + len(self._items) - 1

    def finish(self) -> list[tuple[int, str]]:
        """Return of each block the number of its first item, and its digest."""
        if self._items:
            self._close_block()
        return [(first, digest.result()) for first, digest in self._written]

    def _close_block(self) -> None:
        name = f"{self._kind}-{len(self._written)}"
        digest = self._store.keep(name, f"[{','.join(self._items)}]")
        self._written.append((self._first, digest))
        self._first += len(self._items)
        self._items, self._length = [], 0


class DistinctTexts:
    """Numbers texts; the same text has one number, and is kept once.

    Args:
        writer: of the texts.
    """

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self._numbers: dict[bytes, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text."""
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        if digest not in self._numbers:
            self._numbers[digest] = self._writer.add(redact_addresses(text))
        return self._numbers[digest]


def _clear(folder: Path) -> None:
    """Remove the blocks of a page that this one replaces, and nothing else.

    Raises:
        FileExistsError: a file that is none has the name of one.
    """
    earlier = [each for each in folder.iterdir() if _BLOCK_NAME.fullmatch(each.name)]
    for each in earlier:
        if not _is_block(each):
            raise FileExistsError(errno.EEXIST, f"{each.name} in it is not a page's texts")
    for each in earlier:
        each.unlink()


def _is_block(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return _SAYS_WHAT_IT_IS in file.read(_HEAD)


def deflate(text: str, level: int = _BEST) -> str:
    """Return an ASCII text deflated, in base64."""
    return base64.b64encode(zlib.compress(text.encode("ascii"), level)).decode()


def _digest(written: str) -> str:
    return base64.b64encode(hashlib.sha256(written.encode()).digest()).decode()
