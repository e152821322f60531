"""Files at the provider: those that were uploaded, and those with results."""

import time
from dataclasses import dataclass, field

from tests.support.provider.batches.results import Result


@dataclass(frozen=True)
class StoredFile:
    """A file; one with results has those beside its content, which is empty then."""

    id: str
    name: str
    purpose: str
    content: bytes = b""
    results: tuple[Result, ...] = ()
    batch: str = ""
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content) + sum(len(each.text) + 1 for each in self.results)


class FileStore:
    """All files, by id."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._count = 0

    def store(self, name: str, purpose: str, content: bytes) -> StoredFile:
        """Keep an uploaded file under an id of its own."""
        return self._keep(StoredFile(self._next_id(), name, purpose, content))

    def store_results(self, name: str, batch: str, results: list[Result]) -> StoredFile:
        """Keep a file with results."""
        file_id = self._next_id()
        return self._keep(
            StoredFile(file_id, name, "batch_output", results=tuple(results), batch=batch)
        )

    def find(self, file_id: str) -> StoredFile | None:
        """Return the file of an id."""
        return self._files.get(file_id)

    def delete(self, file_id: str) -> bool:
        """Forget a file; say whether there was one."""
        return self._files.pop(file_id, None) is not None

    @property
    def newest_first(self) -> list[StoredFile]:
        """All of them."""
        return list(reversed(self._files.values()))

    def _next_id(self) -> str:
        self._count += 1
        return f"file-{self._count}"

    def _keep(self, file: StoredFile) -> StoredFile:
        self._files[file.id] = file
        return file
