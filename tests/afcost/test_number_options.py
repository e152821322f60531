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


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "plan.json", "--poll", "x"), "'x' is not a valid number"),
        (("run", "plan.json", "--by", "soon"), "'soon' is not a time like 6h, 2d, 18:00, 2026-"),
        (("approve", "plan.json", "--until", "soon"), "'soon' is not a date like 2026-12-01 or"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(command, said, capsys):
    assert run_cli(command) == 2
    assert said in " ".join(capsys.readouterr().err.split())
