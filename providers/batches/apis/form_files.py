"""Files of batches that are uploaded in one form, as OpenAI has them, and Mistral after it."""

from __future__ import annotations

from providers.batches.apis.batch_api import BatchApi, BatchTarget, FileUpload
from providers.batches.apis.batch_fields import quote_id, read_id
from providers.batches.chunk import ChunkToSend
from providers.reply import require_object


class FormFiles(BatchApi):
    """What APIs of batches have in common that take and give files at `/files`."""

    takes_file = True

    def find_upload(self, target: BatchTarget, chunk: ChunkToSend, size: int) -> FileUpload | None:  # noqa: ARG002 - a form
        """Return how a chunk's file is uploaded."""
        return FileUpload(f"{target.base}/files", {"purpose": "batch"})

    def parse_file_id(self, data: object) -> str:
        """Return the id of a file that was uploaded."""
        return read_id(require_object(data), "id")

    def result_url(self, target: BatchTarget, source: str) -> str:
        """Return the address of a file's contents."""
        return f"{target.base}/files/{quote_id(source)}/content"
