"""What a form of batches is: how one is asked for and told of, in an API's own fields."""

from collections.abc import Mapping
from typing import Protocol

from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.job import Done, Draft, Job, Json


class RefusedError(Exception):
    """A request that the form does not take, with its status, body and headers."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Form(Protocol):
    """One API's batches."""

    @property
    def name(self) -> str:
        """Its own."""

    @property
    def created(self) -> int:
        """The status of a create."""

    @property
    def most_bytes(self) -> int:
        """The most that a file or a create may have."""

    @property
    def page(self) -> int | None:
        """How many batches a list shows where it is not told; None for all, always."""

    def read_create(self, sent: Json, files: FileStore, model: str) -> Draft:
        """Read a create; `model` is the one in its address, if any. Raises RefusedError."""

    def show(self, job: Job, url: str) -> Json:
        """Tell of a batch; `url` is the provider's address. Inline results are added by others."""

    def show_created(self, job: Job, url: str) -> Json:
        """Tell of a batch that was just created."""

    def show_list(self, jobs: list[Job], url: str, *, more: bool) -> Json | list[Json]:
        """Tell of a page of them, newest first."""

    def sort(self, done: Done) -> str:
        """Return the name of the file that a result belongs in; empty for one that none has."""

    def write(self, done: Done) -> Json:
        """Write a result."""

    def error(self, status: int, message: str) -> Json:
        """Write an error object."""
