"""Errors about what a provider is asked, and what it answered.

ProvidersError
├── CannotPrice       a client's call whose cost cannot be bounded
├── NotTaken          a request that its provider would refuse
├── BadProxy          a proxy in the environment that cannot be used
└── MalformedResponse a response that is not what its API documents
"""


class ProvidersError(Exception):
    """Base of this room's errors."""


class MalformedResponse(ProvidersError):
    """A response without something that is needed of it; the text says what.

    It stops nothing by itself: the runner holds the money of such an answer, or notes that a model
    list is unreadable; the estimator raises `CountFailed`.
    """


class CannotPrice(ProvidersError):
    """A client's call whose cost cannot be bounded; the text names the field and what to do.

    Args:
        message: of one line, for the program's user.
        status: of HTTP, with which the call is refused.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class NotTaken(ProvidersError):
    """A provider would refuse a request.

    Each argument is one problem: it names the field, why, the source and the mend.
    """

    def __str__(self) -> str:
        """Return one problem a line."""
        return "\n".join(map(str, self.args))


class BadProxy(ProvidersError):
    """The environment names a proxy that cannot be used; the text names the variable and the mend.

    The runner raises `CannotSend`, the estimator `CountFailed`.
    """
