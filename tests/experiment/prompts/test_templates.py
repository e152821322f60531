"""Templates: what is sent is what was written, to the byte; what is not known is never empty."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from experiment.errors import BadTemplate, ExperimentError
from experiment.prompts.rendering.templates import Templates


@pytest.fixture
def render(tmp_path):
    def write_and_render(text: str, files: dict[str, str] | None = None, **variables) -> str:
        for name, content in (files or {}).items():
            (tmp_path / name).write_bytes(content.encode())
        return Templates(tmp_path).render(text, variables, "messages[0]")

    return write_and_render


def test_file_renders_what_it_inserts_and_raw_does_not(render):
    files = {"a.md": "Dear {{ name }}"}
    assert render("{{ file('a.md') }}!", files, name="Ada") == "Dear Ada!"
    assert render("{{ raw('a.md') }}!", files, name="Ada") == "Dear {{ name }}!"


def test_an_inserted_file_sees_the_same_variables_and_may_insert_others(render):
    files = {"a.md": "[{{ file(next) }}]", "b.md": "{{ name }}"}
    assert render("{{ file('a.md') }}", files, name="Ada", next="b.md") == "[Ada]"


def test_files_in_branches_that_are_not_rendered_are_known_all_the_same(tmp_path):
    (tmp_path / "a.md").write_text(
        "{% if output %}{{ raw('b.md') }}{{ file('gone.md') }}{% endif %}"
    )
    (tmp_path / "b.md").write_text("{{ neither read nor rendered")
    templates = Templates(tmp_path)
    text = "{% if output == 'x' %}{{ file('a.md') }}{% endif %}{{ output }}"
    assert templates.render(text, {"output": ""}, "judges.0") == ""
    assert templates.file_digests.keys() == {"a.md", "b.md"}
    with pytest.raises(BadTemplate, match=r"gone\.md"):
        templates.render(text, {"output": "x"}, "judges.0")


@pytest.mark.parametrize("insert", ["file", "raw"])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n", "\r", " \t\n"])
def test_no_newline_is_added_or_lost(insert, ending, render):
    files = {"a.md": f"{ending}a{ending}"}
    text = f"<{{{{ {insert}('a.md') }}}}>{ending}"
    assert render(text, files) == f"<{ending}a{ending}>{ending}"


def test_every_kind_of_line_ending_survives_beside_the_others(render):
    text = "a\r\nb\nc\rd\n\r"
    assert render(text + "{{ query }}", query="x\r\ny\rz\n") == text + "x\r\ny\rz\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


TEXT = st.characters(codec="utf-8", exclude_characters="\ue00d")


@given(st.text(TEXT | st.sampled_from("\r\n{%#}")))
def test_raw_inserts_any_text_to_the_byte(folder, text):
    (folder / "any.md").write_bytes(text.encode())
    assert Templates(folder).render("{{ raw('any.md') }}", {}, "here") == text


@given(st.text(TEXT.filter(lambda c: c != "{") | st.sampled_from("\r\n")))
def test_a_text_without_braces_is_sent_to_the_byte(folder, text):
    (folder / "any.md").write_bytes(text.encode())
    assert Templates(folder).render("{{ file('any.md') }}" + text, {}, "here") == text * 2


@given(st.text(TEXT))
def test_a_variable_is_data_and_never_a_template(folder, text):
    query = "{{ secret }}{% if %}" + text
    assert Templates(folder).render("{{ query }}", {"query": query, "secret": 1}, "") == query


@pytest.mark.parametrize("text", ["{{ raw('a.md') }}", "{{ query }}", "a\ue00db"])
def test_a_private_character_is_not_turned_into_a_line_ending(text, render):
    assert render(text, {"a.md": "a\ue00db"}, query="a\ue00db") == "a\ue00db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ qurey }}", "'qurey' is undefined; available variables: query"),
        ("{{ query.goal }}", "has no attribute 'goal'"),
        ("{% if nothing %}{% endif %}", "'nothing' is undefined"),
        ("one\n{% for", "messages[0], line 2"),
        ("{{ query | nosuch }}", "No filter named 'nosuch'"),
        ("{{ file('absent.md') }}", "file 'absent.md' in"),
        ("{{ raw('absent.md') }}", "No such file"),
        ("{{ file(3) }}", "file 3 in"),
    ],
)
def test_what_is_not_known_is_an_error_at_its_place_and_never_an_empty_text(text, said, render):
    with pytest.raises(BadTemplate) as error:
        render(text, query="x")
    assert "messages[0]" in str(error.value)
    assert said in str(error.value)


def test_an_error_in_an_inserted_file_names_that_file(render):
    with pytest.raises(BadTemplate, match=r"^a\.md: 'nothing' is undefined"):
        render("{{ file('a.md') }}", {"a.md": "{{ nothing }}"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ query.__class__.__mro__ }}",
        "{{ '{0.__class__}'.format(query) }}",
        "{{ query | attr('__class__') }}",
        "{{ file.__globals__ }}",
        "{{ raw.__closure__ }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ listed.append(1) }}",
    ],
)
def test_a_template_reaches_nothing_but_its_variables(text, render):
    with pytest.raises(BadTemplate):
        render(text, query="x", listed=[])


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 / 0 }}",
        "{{ query + 1 }}",
        "{{ file() }}",
        "{{ file(['a.md']) }}",
        "{{ range(10 ** 9) | list }}",
        "{% include 'a.md' %}",
    ],
)
def test_a_template_that_fails_while_it_renders_is_an_error_at_its_place(text, render):
    with pytest.raises(BadTemplate, match=r"messages\[0\]"):
        render(text, query="x")


@pytest.mark.parametrize("name", ["file", "raw", "self"])
def test_a_level_that_takes_the_name_of_a_function_is_refused(name, made):
    with pytest.raises((ExperimentError, ValidationError), match=name):
        next(made(factors={"f": {"level": {name: "x", "pays": "no"}}}).subjects())


def test_files_that_insert_each_other_are_an_error(render):
    files = {"a.md": "{{ file('b.md') }}", "b.md": "{{ file('a.md') }}"}
    with pytest.raises(BadTemplate, match="include each other"):
        render("{{ file('a.md') }}", files)


def test_every_inserted_file_is_known_by_the_digest_of_its_text(tmp_path: Path):
    texts = {"a.md": b"{{ raw('b.md') }}", "b.md": b"x\r\n"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    templates = Templates(tmp_path)
    assert templates.file_digests == {}
    templates.render("{{ file('a.md') }}", {}, "here")
    digests = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    assert templates.file_digests == digests
