"""What was spent, beside the cap and the forecast: a chart of the summary."""

from __future__ import annotations

from afcost.page.charts.chart import Chart
from afcost.page.charts.strip import SpentMoney, draw_strip
from afcost.page.report.parts import ReportPage
from afcost.rendering.console import format_dollars


def draw_spent(page: ReportPage) -> Chart:
    """Return the chart of a run's money on the line to its cap."""
    document = page.figures.document
    approval, forecast = document["approval"], document["forecast"]
    money = SpentMoney(
        spent=float(document["spent_usd"]),
        held=float(document["held_usd"]),
        cap=float(approval["cap_usd"]) if approval else None,
        low=float(forecast["q05"]),
        likely=float(forecast["mean"]),
        high=float(forecast["q95"]),
    )
    return draw_strip(money, write=format_dollars)
