"""Errors and exit codes of the command line: one tree, and an exit code for each.

    Exception
    ├── ExperimentError (experiment)     1    BadExperiment, BadQueries, BadTemplate,
    │                                     RefusedFile, BadLabels
    ├── PricingError (pricing)           1    UnknownModel, BadPriceFile, CannotUpdate
    │   └── NoPrice                      3    refused: Unpriced, UnknownTier, Disputed
    ├── ProvidersError (providers)       1    MalformedResponse, BadProxy and CannotPrice, which
    │   │                                     stop nothing by themselves
    │   └── NotTaken                     3    refused: its provider would refuse a request
    ├── EstimatorError (estimator)       1    BadHistory, BadPlan, BadRecording,
    │   │                                     BadTokenizer, BadTrust, CountFailed, NoVocabulary
    │   ├── DoesNotFit                   3    refused: the context window is too small
    │   └── StalePlan                    3    refused: the plan no longer holds
    ├── RunnerError (runner)             1    BadImport, BadKeptRuns, BadReplies, BadRun,
    │   │                                     LedgerError, LedgerBusy, LedgerInterrupted
    │   ├── NotApproved                  3    refused: it is not approved
    │   ├── RestoredLedger               3    refused: the ledger is an older copy
    │   └── CannotSend                   3    refused: a key or an endpoint is missing
    ├── Refused (afcost)                 3    a threshold, or a question that cannot be asked
    ├── MissingExtra (afcost)            1    a part that is not installed
    └── OSError (Python)                 1    a file that cannot be read or written

Exit codes: 0 done, 1 error, 2 usage, 3 refused, 4 stopped at the cap, 130 interrupted.
"""

from __future__ import annotations

DONE, ERROR, USAGE, REFUSED, AT_THE_CAP, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Refused(Exception):
    """The command line refuses to continue."""


class MissingExtra(Exception):
    """A part of the program is not installed.

    Args:
        what: is to be made.
        extra: that makes it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} need the extra `{extra}`: pip install 'afcost[{extra}]'")


def exit_code(error: Exception) -> int | None:
    """Return the exit code of an error that the user can fix; None for any other."""
    from estimator.errors import DoesNotFit, EstimatorError, StalePlan  # noqa: PLC0415 - only now
    from experiment.errors import ExperimentError  # noqa: PLC0415
    from pricing.errors import NoPrice, PricingError  # noqa: PLC0415
    from providers.errors import NotTaken, ProvidersError  # noqa: PLC0415
    from runner.errors import (  # noqa: PLC0415
        CannotSend,
        NotApproved,
        RestoredLedger,
        RunnerError,
    )

    not_allowed = NotApproved | RestoredLedger | CannotSend
    if isinstance(error, Refused | NoPrice | NotTaken | DoesNotFit | StalePlan | not_allowed):
        return REFUSED
    rooms = ExperimentError | PricingError | ProvidersError | EstimatorError | RunnerError
    if isinstance(error, rooms | MissingExtra | OSError):
        return ERROR
    return None
