"""Blocks of texts: deflated, each with its digest, in the page or in a folder beside it.

A browser inflates a block when it is asked for one of its items. A page that is opened from disk
may fetch no file, nor check a script's digest. So a block in a folder is a document of its own: the
page opens it in a frame without rights, and its script says its text to the page. The page takes no
text whose digest it does not know, so a folder that was changed, or is another page's, is noticed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from afcost.page.shell.document import hash_source, read_source, render_part
from estimator.atomic_write import write_atomically
from providers.secrets import redact_addresses

PAGE_LIMIT = 7_000_000  # characters of deflated texts in a page; the rest of it is under 1 MB
_BLOCK = 2**19  # characters of a block before it is deflated
_BEST, _FAST = 9, 1  # a page is sent around, a folder must be written soon


class TextsTooLarge(Exception):
    """The texts do not fit into the page."""


@dataclass
class BlockStore:
    """Where blocks are kept: in the page until its limit, then all of them in a folder.

    Attributes:
        folder: beside the page; None where the texts must fit into the page.
        in_page: name -> the deflated block in base64.
        is_folder: whether they are in the folder.
    """

    folder: Path | None
    in_page: dict[str, str] = field(default_factory=dict)
    is_folder: bool = False
    _size: int = 0

    def keep(self, name: str, text: str) -> str:
        """Keep a block, and return its digest.

        Raises:
            TextsTooLarge: there is no room for it in the page, and no folder.
            OSError: the folder cannot be written.
        """
        level = _FAST if self.is_folder else _BEST
        written = base64.b64encode(zlib.compress(text.encode("ascii"), level)).decode()
        self._size += len(written)
        if not self.is_folder and self._size > PAGE_LIMIT:
            self._move_to_folder()
        if self.is_folder:
            self._write(name, written)
        else:
            self.in_page[name] = written
        return base64.b64encode(hashlib.sha256(written.encode()).digest()).decode()

    def _move_to_folder(self) -> None:
        if self.folder is None:
            raise TextsTooLarge
        self.folder.mkdir(parents=True, exist_ok=True)
        for earlier in self.folder.glob("*-[0-9]*.html"):  # of a page that this one replaces
            earlier.unlink()
        for name, written in self.in_page.items():
            self._write(name, written)
        self.in_page, self.is_folder = {}, True

    def _write(self, name: str, written: str) -> None:
        if self.folder is None:
            raise TextsTooLarge
        script = read_source("transcripts/block.js")
        document = render_part(
            "transcripts/block.html.j2",
            name=name,
            texts=Markup(written),  # noqa: S704 - base64
            script=Markup(script),  # noqa: S704 - our own file
            script_hash=Markup(hash_source(script)),  # noqa: S704 - our own,
        )
        write_atomically(self.folder / f"{name}.html", document)


class BlockWriter:
    """Gathers items, numbered from 0, in blocks.

    Args:
        kind: of the items: the first part of the blocks' names.
        store: where they are kept.

    Attributes:
        written: of each block the number of its first item, and its digest.
    """

    def __init__(self, kind: str, store: BlockStore) -> None:
        self.written: list[tuple[int, str]] = []
        self._kind, self._store = kind, store
        self._items: list[str] = []
        self._length = self._first = 0

    def add(self, item: object) -> int:
        """Add an item of JSON, and return its number."""
        text = json.dumps(item, separators=(",", ":"), allow_nan=False)
        if self._items and self._length + len(text) > _BLOCK:
            self.close()
        self._items.append(text)
        self._length += len(text)
        return self._first + len(self._items) - 1

    def close(self) -> None:
        """Keep what was gathered; nothing of an empty block."""
        if not self._items:
            return
        name = f"{self._kind}-{len(self.written)}"
        digest = self._store.keep(name, f"[{','.join(self._items)}]")
        self.written.append((self._first, digest))
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


def deflate(text: str) -> str:
    """Return an ASCII text deflated, in base64."""
    return base64.b64encode(zlib.compress(text.encode("ascii"), _BEST)).decode()
