"""Wait for what must happen, however busy the machine is."""

import time
from collections.abc import Callable

from tests.support.provider.server import ProviderHandle

STUCK_SECONDS = 30.0


def wait_until(happened: Callable[[], object], seconds: float = STUCK_SECONDS) -> None:
    """Look again and again until something has happened; fail if it takes longer than this."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)


def wait_until_billed(provider: ProviderHandle, calls: int) -> None:
    """Wait until the provider has charged so many calls."""
    wait_until(lambda: len(provider.bill().billed) >= calls)
