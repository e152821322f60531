"""The pace of a live page: it takes a small part of what the run takes of a processor.

The run's processes say what they have taken. As long as the page has taken less than its share it
is renewed every two seconds; else it waits until the run has gone on, but never longer than said
here: a run that waits for its providers takes next to nothing, and one must see it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.015  # of the run's processor time; with what is not counted here, 2 % at most
SHORTEST, LONGEST = 2.0, 15.0  # seconds between two looks
_IDLE = 5.0  # seconds between looks at a run that does not go on


@dataclass(slots=True)
class Pace:
    """How much a page has taken, and how much it may.

    Attributes:
        spent: seconds of a processor that it took, since it was watched.
        earned: seconds that it may take.
    """

    spent: float = 0.0
    earned: float = 0.0
    _run: float | None = None  # what the run had taken when it was looked at last
    _began: float = 0.0  # when it was looked at first
    _rate: float = 0.0  # seconds that are earned in a second
    _picture: float = 0.0  # what the last drawing took

    def take(self, seconds: float) -> None:
        """Add what was taken."""
        self.spent += seconds

    def note_picture(self, seconds: float) -> None:
        """Say what a drawing took; it is a part of what is taken."""
        self._picture = seconds

    def earn(self, run_seconds: float, now: float) -> None:
        """Add a share of what the run's processes took since the last look.

        Args:
            run_seconds: what they say that they have taken so far. Where it is less than before,
                processes have ended and others begun.
            now: in seconds of any clock.
        """
        if self._run is None:
            self._began = now
        else:
            self.earned += SHARE * max(run_seconds - self._run, 0.0)
            self._rate = self.earned / max(now - self._began, SHORTEST)
        self._run = run_seconds

    def wait_seconds(self, *, is_running: bool) -> float:
        """Return how long to wait before the next look: until what was taken is earned."""
        if not is_running:
            return _IDLE
        missing = self.spent - self.earned
        if missing <= 0:
            return SHORTEST
        return min(max(missing / max(self._rate, 1e-9), SHORTEST), LONGEST)

    def may_draw(self, seconds: float, *, is_longer: bool) -> bool:
        """Return whether a chart may be drawn again.

        Args:
            seconds: since it was drawn last.
            is_longer: whether much more of the run has passed since, which is not often.
        """
        if seconds < SHORTEST:
            return False
        return is_longer or self.spent + self._picture <= self.earned
