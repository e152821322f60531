"""Who allowed which plan to spend how much, and until when."""

from runner.approval.approval import Approval
from runner.approval.approval_file import (
    bind_ledger,
    check_ledger_binding,
    check_ledger_not_replaced,
    require_approval,
    save_approval,
)
from runner.approval.confirmations import (
    Confirmation,
    list_confirmations,
    refuse_unconfirmed,
)

__all__ = [
    "Approval",
    "Confirmation",
    "bind_ledger",
    "check_ledger_binding",
    "check_ledger_not_replaced",
    "list_confirmations",
    "refuse_unconfirmed",
    "require_approval",
    "save_approval",
]
