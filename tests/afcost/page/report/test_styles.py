"""The looks of pages: what templates and scripts name, a style sheet has."""

from __future__ import annotations

import re
from pathlib import Path

import afcost.page

SOURCE = Path(afcost.page.__file__).parent / "source"
CLASSES = re.compile(r'class(?:=|: )"([^"{]*)"')


def test_every_class_that_a_page_names_has_a_rule():
    styles = "".join(each.read_text() for each in SOURCE.glob("*.css"))
    sources = [each for each in SOURCE.rglob("*") if each.suffix in (".j2", ".js")]
    named = {
        name
        for source in sources
        for names in CLASSES.findall(source.read_text())
        for name in names.split()
    }
    assert len(named) > 40
    assert not [name for name in sorted(named) if not re.search(rf"\.{name}\b", styles)]
