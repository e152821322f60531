"""Who allowed which plan to spend how much, and until when; each approval is spent once."""

from runner.approval.approval import DIGEST_PREFIX, Approvable, Approval
from runner.approval.approval_file import (
    ApprovalFile,
    approval_path,
    read_approval_file,
    require_approval,
    save_approval,
)
from runner.approval.approval_watch import ApprovalWatch
from runner.approval.binding import (
    BindableLedger,
    WatermarkKeeper,
    bind_approval,
    check_bindable,
    check_ledger_binding,
    require_unspent,
)
from runner.approval.confirmations import (
    Confirmation,
    confirm_keys,
    confirm_prices,
    list_confirmations,
    refuse_unconfirmed,
)

__all__ = [
    "DIGEST_PREFIX",
    "Approvable",
    "Approval",
    "ApprovalFile",
    "ApprovalWatch",
    "BindableLedger",
    "Confirmation",
    "WatermarkKeeper",
    "approval_path",
    "bind_approval",
    "check_bindable",
    "check_ledger_binding",
    "confirm_keys",
    "confirm_prices",
    "list_confirmations",
    "read_approval_file",
    "refuse_unconfirmed",
    "require_approval",
    "require_unspent",
    "save_approval",
]
