"""How long batches take, by those that a run waited for."""

import pytest

from runner.timing import fit_batch_time


def test_a_few_batches_say_how_long_others_take() -> None:
    found = fit_batch_time([600, 900, 1350], "anthropic", "here")
    assert found is not None
    assert found.likely == pytest.approx(900)
    assert found.high / found.likely == pytest.approx(found.likely / found.low)
    assert 3 < found.high / found.likely < 5
    assert (found.basis, found.latest) == ("history", 24 * 3600)


def test_one_or_two_say_nothing_and_none_takes_longer_than_its_window() -> None:
    assert fit_batch_time([600, 900], "anthropic", "here") is None
    found = fit_batch_time([60, 20 * 3600, 20 * 3600], "anthropic", "here")
    assert found is not None
    assert found.high == found.latest
