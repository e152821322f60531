"""What the tests of prices share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine must not fail a test that is about money, not about time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
