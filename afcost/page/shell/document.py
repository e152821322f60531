"""A page: one HTML document that loads nothing, sends nothing, and runs only its own scripts.

The page's source, a few plain files, stands in `afcost/page/source`. The policy names the style and
each script by its hash, so a byte that is changed afterwards breaks the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from afcost.rendering.console import capitalize_first, show
from providers.secrets import redact_values

SOURCE = Path(__file__).parent.parent / "source"
_NEVER_IN_JSON = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def render_document(
    template: str,
    *,
    styles: Sequence[str] = ("style.css",),
    scripts: Sequence[str] = ("tips.js",),
    allows: str = "",
    **values: object,
) -> str:
    """Return a page as HTML.

    Args:
        template: its file in the source folder.
        styles: the source's files that it has in it, in order.
        scripts: the same.
        allows: further directives of its policy, such as `connect-src 'self'`.
        values: of the template.
    """
    style = "\n".join(map(read_source, styles))
    texts = [read_source(name) for name in scripts]
    return (
        _environment()
        .get_template(template)
        .render(
            values,
            policy=_write_policy(style, texts, allows),
            style=Markup(style),  # noqa: S704 - the project's own file
            scripts=[Markup(text) for text in texts],  # noqa: S704 - the same
        )
    )


def render_part(template: str, **values: object) -> str:
    """Return a part of a page as HTML, such as one that a live page replaces."""
    return _environment().get_template(template).render(values)


def embed_json(value: object) -> Markup:
    """Return JSON that cannot end the script element that it stands in: ASCII, no `<`, `>`, `&`.

    Raises:
        ValueError: a number in it is none that JSON has.
    """
    text = json.dumps(redact_values(value), separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_NEVER_IN_JSON))  # noqa: S704 - as said above


def read_source(name: str) -> str:
    """Return the text of a file of the page's source."""
    return (SOURCE / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(SOURCE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capitalize_first"] = capitalize_first
    return environment


def _finalize(value: object) -> object:
    """Return a value as it may be shown: without keys, and with unseen characters as escapes."""
    return show(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _write_policy(style: str, scripts: Sequence[str], allows: str) -> str:
    directives = [
        "default-src 'none'",
        f"style-src {hash_source(style)}",
        f"script-src {' '.join(map(hash_source, scripts))}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        *filter(None, [allows]),
    ]
    return "; ".join(directives)


def hash_source(text: str) -> str:
    """Return by what a policy names a script or a style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
