"""Every row is checked, and every one that fails is named."""

import pytest

from tests.support.rows import check_each


def check(name, number):
    assert 10 / number > 1, f"{name} is too large"


def test_every_row_that_fails_is_named_with_its_reason():
    with pytest.raises(AssertionError) as failed:
        check_each([("a", 1), ("b", 20), ("c", 2), ("d", 0)], check)
    head, *lines = str(failed.value).splitlines()
    assert "2 of 4 rows fail" in head
    assert any(line.startswith("b, 20: AssertionError: b is too large") for line in lines)
    assert any(line.startswith("d, 0: ZeroDivisionError: ") for line in lines)


def test_rows_that_hold_pass_and_no_rows_at_all_do_not():
    check_each([("a", 1), ("c", 2)], check)
    with pytest.raises(AssertionError, match="nothing to check"):
        check_each([], check)
