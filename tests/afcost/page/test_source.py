"""The page's source holds together: looks, templates and scripts name the same things."""

from __future__ import annotations

import re

import pytest

from afcost.page.shell.document import SOURCE

PAGE = SOURCE.parent
NAMES = re.compile(r"[A-Za-z][\w-]*")
QUOTED = re.compile(r"""["'`]([^"'`\n]*)["'`]""")


def read(folder, ending):
    return {path: path.read_text("utf-8") for path in sorted(folder.rglob(f"*.{ending}"))}


STYLES = {
    path.name: re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for path, text in read(SOURCE, "css").items()
}
TEMPLATES = "\n".join(read(SOURCE, "j2").values())
SCRIPTS = "\n".join(read(SOURCE, "js").values())
PYTHON = "\n".join(read(PAGE, "py").values())


def list_selectors(style):
    """Return the selectors of a style's rules; those in `@media` are given with it."""
    found, around = [], []
    for head, end in re.findall(r"([^{};]*)([{}])", re.sub(r"[^{};]*;", "", style)):
        if end == "}":
            around.pop()
            continue
        around.append(" ".join(head.split()))
        if not head.strip().startswith("@"):
            found += [(*around[:-1], each.strip()) for each in around[-1].split(",")]
    return found


SELECTORS = [selector[-1] for style in STYLES.values() for selector in list_selectors(style)]


def list_ruled(sign):
    return {
        name
        for each in SELECTORS
        for name in re.findall(rf"{re.escape(sign)}([A-Za-z][\w-]*)", each)
    }


def list_attribute(name):
    """Return the words of an attribute in all templates, also those that an expression may add."""
    plain = re.sub(r"\{%.*?%\}", " ", TEMPLATES)
    plain = re.sub(r"\{\{(.*?)\}\}", lambda found: " ".join(QUOTED.findall(found[1])), plain)
    return {word for value in re.findall(rf'\b{name}="([^"]*)"', plain) for word in value.split()}


def list_words(text):
    return {word for quoted in QUOTED.findall(text) for word in NAMES.findall(quoted)}


def test_each_class_of_a_template_has_a_rule():
    assert list_attribute("class") - list_ruled(".") == set()


@pytest.mark.parametrize(("sign", "attribute"), [(".", "class"), ("#", "id")])
def test_each_rule_is_for_something_on_a_page(sign, attribute):
    known = list_attribute(attribute) | list_words(SCRIPTS) | list_words(PYTHON)
    assert list_ruled(sign), "the styles are not read"
    assert list_ruled(sign) - known == set()


def test_each_element_that_a_script_asks_for_is_on_a_page():
    asked = set(re.findall(r'getElementById\("([\w-]+)"\)', SCRIPTS))
    assert asked - list_attribute("id") - list_words(PYTHON) == set()


@pytest.mark.parametrize("name", ["transcripts.css", "live.css"])
def test_a_style_beside_that_of_all_pages_says_nothing_twice(name):
    assert set(list_selectors(STYLES["style.css"])) & set(list_selectors(STYLES[name])) == set()


def test_each_template_is_rendered():
    for path in read(SOURCE, "j2"):
        name = str(path.relative_to(SOURCE))
        is_part = f"live/{path.name}" == name and f'"{path.name.split(".")[0]}"' in PYTHON
        assert name in PYTHON + TEMPLATES or is_part, name
