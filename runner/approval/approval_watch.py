"""Approval watch: finds a newer approval of a plan while the plan runs."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from filelock import Timeout

from runner.approval.approval import Approvable, Approval
from runner.approval.approval_file import approval_path, lock_approval, read_approval_file
from runner.approval.spent_approvals import record_spender, refuse_spent
from runner.errors import NotApproved

_Signature = tuple[int, int, int]


class ApprovalWatch:
    """Watches the approval beside a plan that is running.

    An approval of another plan, and a file that is damaged or gone, change nothing.

    Args:
        plan: that runs.
        plan_path: its file.
        approval: under which it began.
        ledger: the identity of the ledger that spends it.
    """

    def __init__(self, plan: Approvable, plan_path: Path, approval: Approval, ledger: str) -> None:
        self.until: datetime | None = approval.until
        self._plan = plan
        self._plan_path = plan_path
        self._path = approval_path(plan_path)
        self._ledger = ledger
        self._current = approval.spend_id
        self._seen: _Signature | None = None

    def find_newer(self) -> Approval | None:
        """Return an approval that was not returned before, if there is one.

        It is bound to the ledger by then. A look at a file that has not changed costs microseconds.
        """
        try:
            status = self._path.stat()
        except OSError:
            return None
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        if signature == self._seen:
            return None
        with suppress(NotApproved, OSError):
            self._seen = signature
            if self._is_newer(read_approval_file(self._path).approval):
                try:
                    with lock_approval(self._plan_path).acquire(timeout=0):
                        return self._read_newer()
                except Timeout:  # the next look finds it; who has the lock may be suspended
                    self._seen = None
        return None

    def _is_newer(self, approval: Approval) -> bool:
        return approval.plan == self._plan.digest and approval.spend_id != self._current

    def _read_newer(self) -> Approval | None:
        document = read_approval_file(self._path)
        approval, mark = document.approval, document.watermark
        if not self._is_newer(approval):
            return None
        if document.place != str(self._plan_path.resolve()):
            return None
        if mark is not None and mark.ledger != self._ledger:
            return None
        refuse_spent(approval, self._plan_path, self._ledger)
        record_spender(approval, self._ledger)
        self._current = approval.spend_id
        self._shorten(approval.until)
        return approval

    def _shorten(self, until: datetime | None) -> None:
        """End earlier, if a newer approval says so; prices were checked only until the old end."""
        ends = [each for each in (self.until, until) if each is not None]
        self.until = min(ends, default=None)
