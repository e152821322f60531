"""Options that are numbers: NaN and infinity are none, as no comparison would end with them."""

from __future__ import annotations

import pytest

from afcost.cli import run_cli


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "-1", "0"])
@pytest.mark.parametrize(
    "command",
    [
        ("pilot", "plan.json", "--cap", "1", "--width"),
        ("run", "plan.json", "--timeout"),
        ("design", "--mde"),
        ("design", "--budget", "1", "--rpm"),
    ],
)
def test_what_is_no_finite_number_is_refused(command, number, capsys):
    assert run_cli([*command, number]) == 2
    assert f"Invalid value for '{command[-1]}'" in capsys.readouterr().err
