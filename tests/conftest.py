"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Give an empty folder to run the real command in."""
    return Lab(tmp_path)
