"""Names in charts stand there whole, without keys, and with what is not seen as escapes."""

from __future__ import annotations

import html
import re

from afcost.page.charts.dots import Margins, Row, Scale, draw_dots
from providers import secrets

KEY = "sk-live-ABCDEFGHIJKLMNOP"
NAMES = ('d="1.2345"', 'style="a" b', 'role="c"', 'aria-label="d"', "<svg onload='x'>", "</text>")


def _draw(*names):
    rows = [Row(name, value=2.0, low=1.0, high=3.0, tip=f"{name}\nline") for name in names]
    scale = Scale(0.0, 4.0, [0.0, 2.0, 4.0], "+d", zero=0)
    return draw_dots("a-chart", rows, scale, margins=Margins(300, 158), narrow=Margins(200, 140))


def test_a_name_that_looks_like_an_attribute_stands_as_it_is():
    chart = _draw(*NAMES)
    for drawn in (chart.__html__(), chart.to_svg()):
        texts = {html.unescape(each) for each in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)}
        assert texts.issuperset(NAMES)
        assert "<svg onload" not in drawn


def test_keys_and_unseen_characters_are_not_drawn(monkeypatch):
    monkeypatch.setattr(secrets, "_secrets", {KEY})
    chart = _draw(f"a\u202e{KEY}")
    for drawn in (chart.__html__(), chart.to_svg()):
        assert KEY not in drawn
        assert "\u202e" not in drawn
        assert r"a\u202e[key]" in drawn
