"""Errors that stop a run before anything is sent.

RunnerError
├── NotApproved       no approval, an expired one, or one for something else
├── CannotSend        a missing key, or a provider that requests cannot be sent to
├── BadRun            a folder that is not a run's
├── BadKeptRuns      what is kept of finished runs is no file of afcost's
├── BadReplies        the user's replies for a rehearsal cannot be read
├── BadImport         answers from elsewhere that cannot be read; nothing of them is kept
└── LedgerError       the ledger cannot be opened, read or written
    ├── LedgerBusy           another process has it open
    ├── LedgerInterrupted    a lost connection undid a transaction, which can be made again
    └── RestoredLedger       it is an older copy: entries are missing that were there before
"""


class RunnerError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class NotApproved(RunnerError):
    """There is no valid approval for this plan at this location."""


class CannotSend(RunnerError):
    """Requests cannot be sent as planned."""


class BadRun(RunnerError):
    """The run folder is missing, unreadable or belongs to something else."""


class BadKeptRuns(RunnerError):
    """What is kept of finished runs cannot be read."""


class BadImport(RunnerError):
    """Answers from elsewhere cannot be imported; nothing of them is kept."""


class BadReplies(RunnerError):
    """A file of replies for a rehearsal cannot be read, or is none."""


class LedgerError(RunnerError):
    """The ledger failed; nothing is sent that it cannot record."""


class LedgerBusy(LedgerError):
    """Another process is writing to this ledger."""


class LedgerInterrupted(LedgerError):
    """A transaction was undone because its connection was lost; it is there again."""


class RestoredLedger(LedgerError):
    """The ledger is an older copy, so it does not say what was spent."""
