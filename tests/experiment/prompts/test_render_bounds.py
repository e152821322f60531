"""Bounds: a template ends in seconds and in a little memory, and prints the same everywhere."""

from __future__ import annotations

import resource
import time
from datetime import date

import pytest

from experiment.errors import BadTemplate
from experiment.prompts.rendering.templates import Templates
from tests.experiment.prompts.hostile_templates import NEVER_THE_SAME, TOO_MUCH

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("what", TOO_MUCH)
def test_what_takes_too_much_is_refused_at_its_place_in_seconds(what, tmp_path):
    before, start = _peak_memory(), time.process_time()
    with pytest.raises(BadTemplate, match=r"^messages\[0\]") as error:
        Templates(tmp_path).render(TOO_MUCH[what], {"query": "x"}, "messages[0]")
    assert time.process_time() - start < 9
    assert _peak_memory() - before < 200 * MEBIBYTE
    assert len(str(error.value)) < 2000


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("what", NEVER_THE_SAME)
def test_what_is_never_the_same_is_not_printed(what, tmp_path):
    variables = {"query": "x", "day": date(2026, 11, 26)}
    with pytest.raises(BadTemplate, match=r"^messages\[0\]"):
        Templates(tmp_path).render(NEVER_THE_SAME[what], variables, "messages[0]")


def test_a_random_choice_is_told_what_to_write_instead(tmp_path):
    with pytest.raises(BadTemplate, match=r"choice\(list\).*shuffle\(list\)"):
        Templates(tmp_path).render("{{ [1, 2]|random }}", {}, "messages[0]")


ORDINARY = {
    "{% for x in items %}{{ loop.index }}/{{ loop.length }}{{ x }} {% endfor %}": "1/2a 2/2b ",
    "{% for x in items if x != 'a' %}{{ x }}{% else %}none{% endfor %}": "b",
    "{% for x in items %}{{ x }}{{ ', ' if not loop.last }}{% endfor %}": "a, b",
    "{{ items|join(', ') }}": "a, b",
    "{{ items|map('upper')|join }}": "AB",
    "{{ items|map('upper')|list }}": "['A', 'B']",
    "{{ items }} {{ 3 }} {{ 1.5 }} {{ none }} {{ {'a': [1]} }}": (
        "['a', 'b'] 3 1.5 None {'a': [1]}"
    ),
    "{{ 'a' ~ 1 ~ items[0] }}": "a1a",
    "{{ '%s of %02d' % ('x', 3) }}": "x of 03",
    "{{ '{:>4}|{x}'.format(1, x='y') }}": "   1|y",
    "{{ 'a-b'.split('-')|last|upper }}": "B",
    "{{ items[::-1]|first }}": "b",
    "{{ 'a' in items and items|length == 2 }}": "True",
    "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('a') }}{{ m(items) }}": "<a><['a', 'b']>",
    "{% set ns = namespace(n=0) %}{% for x in range(5) %}{% set ns.n = ns.n + x %}{% endfor %}"
    "{{ ns.n }}": "10",
    "{% for x in tree recursive %}{{ x.n }}{{ loop(x.c) }}{% endfor %}": "123",
    "{{ 'a\nb'|indent(2) }}": "a\n  b",
    "{{ 2.345|round(1) }} {{ 2 ** 10 }} {{ 7 * 6 }} {{ [0] * 3 }}": "2.3 1024 42 [0, 0, 0]",
    "{{ [[1], [2]]|sum(start=[]) }}": "[1, 2]",
    "{{ {'b': 1, 'a': 2}|tojson }}": '{"a": 2, "b": 1}',
    "{{ missing|default('none') }}": "none",
    "{% filter upper %}a{% endfilter %}": "A",
    "{{ 'é' * 3 }}{{ '<'|e }}": "ééé&lt;",
    "{{ day }} {{ day.strftime('%d') }}": "2026-11-26 26",
    "{% if query is string and query is not none %}{{ query|trim }}{% endif %}": "x",
}


@pytest.mark.parametrize("text", ORDINARY)
def test_what_researchers_write_renders_as_ever(text, tmp_path):
    tree = [{"n": 1, "c": [{"n": 2, "c": []}]}, {"n": 3, "c": []}]
    variables = {"query": "x", "items": ["a", "b"], "tree": tree, "day": date(2026, 11, 26)}
    assert Templates(tmp_path).render(text, variables, "messages[0]") == ORDINARY[text]


def test_a_few_shot_prompt_of_a_thousand_examples_is_no_hostile_one(tmp_path):
    text = "{% for e in examples %}Q: {{ e.q }}\nA: {{ e.a|trim }}\n{% endfor %}{{ query }}"
    examples = [{"q": f"question {n}", "a": f" answer {n} "} for n in range(1000)]
    templates = Templates(tmp_path, limited=True)
    for number in range(50):
        rendered = templates.render(text, {"examples": examples, "query": str(number)}, "m")
    assert rendered.endswith("A: answer 999\n49")


def test_files_that_insert_each_other_twice_are_refused_in_seconds(tmp_path):
    for number in range(18):
        insert = f"{{{{ file('{number + 1}.md') }}}}"
        (tmp_path / f"{number}.md").write_text("{{ query }}" + insert * 2)
    (tmp_path / "18.md").write_text("{{ query }}")
    with pytest.raises(BadTemplate, match="files are inserted"):
        Templates(tmp_path).render("{{ file('0.md') }}", {"query": "x"}, "messages[0]")


def test_the_files_of_one_experiment_have_a_size_together(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.md").write_text("x" * (4 << 20))
    templates = Templates(tmp_path)
    for number in range(16):
        templates.render(f"{{{{ raw('{number}.md') }}}}", {}, "messages[0]")
    with pytest.raises(BadTemplate, match="characters together"):
        templates.render("{{ raw('16.md') }}", {}, "messages[0]")


def test_the_work_of_all_renderings_together_is_limited_where_an_experiment_is_counted(tmp_path):
    text = "{% for x in range(90000) %}{% endfor %}{{ query }}"

    def render_often(templates: Templates) -> None:
        for number in range(100):
            templates.render(text, {"query": str(number)}, "messages[0]")

    render_often(Templates(tmp_path))
    with pytest.raises(BadTemplate, match="templates of this experiment take too much"):
        render_often(Templates(tmp_path, limited=True))


def test_a_limit_is_of_one_rendering_and_not_of_those_before_it(tmp_path):
    templates = Templates(tmp_path)
    for _ in range(3):
        with pytest.raises(BadTemplate):
            templates.render(TOO_MUCH["three loops"], {}, "messages[0]")
        assert templates.render("{% for x in [1] %}{{ x }}{% endfor %}", {}, "here") == "1"
