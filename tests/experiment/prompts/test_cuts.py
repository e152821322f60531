"""A cut says what jinja says, and is made only where the syntax tree shows that it can be."""

from __future__ import annotations

import pytest

from experiment.errors import BadTemplate
from experiment.prompts.rendering.cuts import Cut
from experiment.prompts.rendering.templates import Templates

ROW = {"topic": "t\r\n", "items": "no method", "n": 3}
FIRST = {"query": "one", "who": "me", "n": 3.5, "row": ROW, "name": "part.md"}
LATER = FIRST | {"query": "two é {{ who }}\r\n", "row": ROW | {"topic": "<|eot_id|>"}}
CUT = {
    "Q: {{ query }} ({{ who }}, {{ n }})\r\n": "Q: two é {{ who }}\r\n (me, 3.5)\r\n",
    "{{ row.topic }}{{ row['topic'] }}{{ row['items'] }}{# nothing #}": (
        "<|eot_id|><|eot_id|>no method"
    ),
    "{{ file('part.md') }}{{ raw(name) }}{{ query }}": (
        "part two é {{ who }}\r\n for me\r\npart {{ query }} for {{ who }}\r\ntwo é {{ who }}\r\n"
    ),
    "{% raw %}{{ query }}{% endraw %}{{ query }}": "{{ query }}two é {{ who }}\r\n",
}
LEFT_TO_JINJA = (
    "{{ query|trim }}",
    "{% if n %}{{ query }}{% endif %}",
    "{{ query ~ who }}",
    "{{ row.items }}",
    "{{ row.n }}",
    "{{ shuffle(['a', 'b']) }}",
    "{% set who = query %}{{ who }}",
    "{{ file('trimmed.md') }}",
    "\ue00d{{ query }}",
)


@pytest.fixture
def templates(tmp_path):
    (tmp_path / "part.md").write_bytes(b"part {{ query }} for {{ who }}\r\n")
    (tmp_path / "trimmed.md").write_text("{{ query|trim }}")
    return Templates(tmp_path)


@pytest.mark.parametrize("text", CUT)
def test_a_cut_says_what_jinja_says(text, templates):
    cut = templates.cut(text, FIRST, "c", templates.render(text, FIRST, "m", "c"))
    assert isinstance(cut, Cut)
    assert cut.fill(LATER) == templates.render(text, LATER, "m", "c") == CUT[text]


@pytest.mark.parametrize("text", LEFT_TO_JINJA)
def test_what_does_more_is_left_to_jinja(text, templates):
    row = {**ROW, "items": "text"}
    given = FIRST | {"row": row}
    try:
        rendered = templates.render(text, given, "m", "c")
    except BadTemplate:
        rendered = ""
    assert templates.cut(text, given, "c", rendered) is None


def test_a_text_that_all_requests_share_stays_one_object(templates):
    rendered = templates.render("for {{ who }}", FIRST, "m", "c")
    assert templates.cut("for {{ who }}", FIRST, "c", rendered) is rendered


@pytest.mark.parametrize("value", [None, 3, "x\ue00d", "x" * (1 << 20)])
def test_a_value_that_is_no_ordinary_text_is_left_to_jinja(value, templates):
    cut = templates.cut("a{{ query }}", FIRST, "c", templates.render("a{{ query }}", FIRST, "m"))
    assert cut.fill(FIRST | {"query": value}) is None
