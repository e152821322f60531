"""Sentences with figures, names and links in them, as HTML that cannot run anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from afcost.rendering.console import show


def write_sentence(text: str, **values: object) -> Markup:
    """Return a sentence with values in it.

    Args:
        text: the project's own words, which may have markup.
        values: figures, or texts from elsewhere, which are shown as they are.
    """
    return Markup(text).format(**{name: show_value(each) for name, each in values.items()})  # noqa: S704 - as said


def show_value(value: object) -> object:
    """Return a text as it may be shown: without keys and unseen characters, and set apart.

    A name in a script that runs from right to left does not turn the words around it.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    shown = show(value)
    return shown if shown.isascii() else Markup("<bdi>{}</bdi>").format(shown)


def join_words(parts: Iterable[str | Markup], last: str = " and ") -> Markup:
    """Return parts as a list in a sentence: `a, b and c`."""
    shown = [Markup("{}").format(show_value(each)) for each in parts]
    return _join(shown[:-1], shown[-1:], last)


def _join(before: Sequence[Markup], end: Sequence[Markup], last: str) -> Markup:
    if not before:
        return Markup().join(end)
    return Markup(last).join([Markup(", ").join(before), *end])  # noqa: S704 - our own words
