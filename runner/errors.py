"""What can stop a run, before anything is sent.

RunnerError
├── NotApproved       no approval, an expired one, or one for something else
├── CannotSend        a missing key, or a provider that requests cannot be sent to
├── BadRun            a folder that is not a run's
└── LedgerError       the ledger cannot be opened, read or written
└── LedgerBusy    another process has it open
"""


class RunnerError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class NotApproved(RunnerError):
    """Nobody approved this plan, here, until now."""


class CannotSend(RunnerError):
    """Requests cannot be sent as the plan says."""


class BadRun(RunnerError):
    """A run folder that is not what it must be."""


class LedgerError(RunnerError):
    """The ledger failed; whatever it cannot record is not sent."""


class LedgerBusy(LedgerError):
    """Another process writes to this ledger."""
