"""What people see: money is never cut, names are never taken for markup."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from afcost.rendering import console as draw
from pricing.money import Money

HEADER = ["stage", "model", "calls", "likely", "ceiling"]
ROWS = [
    ["subject", "openrouter/[model-x]", "1,200", "$12,345.67", "$98,765.43"],
    ["total", "", "1,200", "$12,345.67", "$98,765.43"],
]


def drawn(width: int, *, terminal: bool = True) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, no_color=True)
    console.soft_wrap = not terminal
    draw.print_table(console, HEADER, ROWS, left_columns=2, has_total=True)
    return file.getvalue().replace("\x1b[1m", "").replace("\x1b[2m", "").replace(
        "\x1b[0m", "").splitlines()  # fmt: skip


@pytest.mark.parametrize("width", [30, 40, 50, 80, 120])
def test_money_is_whole_at_every_width(width):
    lines = drawn(width)
    text = "\n".join(lines)
    assert text.count("$12,345.67") == text.count("$98,765.43") == 2
    assert "openrouter/[model-x]" in text
    assert all(len(line.rstrip()) <= width for line in lines)


def test_columns_line_up():
    header, *rows = drawn(120)
    ends = {row.rstrip().rindex("$98,765.43") for row in rows}
    assert len(ends) == 1
    assert header.index("likely") + len("likely") == rows[0].index("$12,345.67") + 10


def test_a_wrapped_line_stays_indented_and_off_a_terminal_it_is_not_wrapped():
    text = "  my-lab/model: HTTP 404, there is no such model"
    for terminal, lines in (
        (True, ["  my-lab/model: HTTP", "  404, there is no", "  such model"]),
        (False, [text]),
    ):
        file = io.StringIO()
        console = Console(file=file, width=22, force_terminal=terminal, color_system=None)
        console.soft_wrap = not terminal
        draw.print_text(console, text)
        assert [line.rstrip() for line in file.getvalue().splitlines()] == lines


def test_off_a_terminal_a_table_is_as_wide_as_it_needs_to_be():
    assert drawn(20, terminal=False)[1].startswith("subject  openrouter/[model-x]  1,200")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (940, "940"), (9_996, "10.0k"), (12_400, "12.4k"), (999_499, "999k"),
     (999_600, "1.00M"), (2_404_000, "2.40M"), (123_400_000, "123M")],
)  # fmt: skip
def test_tokens_are_read_in_three_digits(count, text):
    assert draw.format_tokens(count) == text


def test_dollars_of_a_forecast_and_of_a_bill_read_alike():
    assert draw.format_dollars(0.0634) == draw.format_dollars(Money.from_usd("0.0634")) == "$0.063"


def test_a_table_is_also_csv_and_markdown():
    assert draw.format_csv(HEADER, ROWS).splitlines()[1].startswith("subject,openrouter/[model-x],")
    assert draw.format_markdown(["a", "b"], [["x|y", "1"]]).splitlines() == [
        "| a | b |",
        "| :-- | --: |",
        "| x\\|y | 1 |",
    ]


def test_a_zero_in_json_has_no_sign():
    said = draw.show_json({"a": [-0.0, -0.5, (0.0, -1)], "b": {"c": -0.0}})
    assert json.loads(said) == {"a": [0.0, -0.5, [0.0, -1]], "b": {"c": 0.0}}
    assert "-0.0" not in said
