"""Links into the transcripts of a page: to one answer, and to all that a figure counts.

`#answer-ID` opens the answer to the request of that id. `#find?NAME=VALUE&…` shows the answers that
a filter leaves. Its parts are those of `afcost show`:

    model=NAME              as the experiment writes it, or as its provider calls it
    condition=NAME          a condition, or FACTOR=LEVEL; of different factors, all must hold
    query=INDEX             from 0
    sample=NUMBER           from 0
    kind=KIND               text, refused, filtered, truncated, empty or failed
    label=JUDGE=WORD        what a judge says: complied, refused, positive, negative, missing,
                            not drawn, not asked, or a value of its own
    proxy=TAG               what the answer's tag says: accepted, rejected or none
    differ=A,B              two measures of a text that say something else; `differ=proxy` takes the
                            proxy and the judge that measures the result
    text=WORDS              these stand in the query, the scratchpad or the output

A part may be repeated: then one of its values must hold, but labels of different judges must all.
Tagged accepted, though the judge says refused: `proxy=accepted&label=compliance=refused&kind=text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

Values = str | int | Iterable[str] | None  # one value, several, or none


def link_answer(request: str) -> str:
    """Return the link to one answer, by the id of its request."""
    return f"#answer-{quote(request, safe='')}"


def link_answers(  # noqa: PLR0913 - what a filter is made of
    *,
    model: Values = None,
    condition: Values = None,
    levels: Mapping[str, str] | None = None,
    query: Values = None,
    sample: Values = None,
    kind: Values = None,
    labels: Mapping[str, str] | None = None,
    proxy: Values = None,
    differ: tuple[str, str] | str | None = None,
    text: str = "",
) -> str:
    """Return the link to all answers that a filter leaves.

    Args:
        model: its name; here and below, of several values one must hold.
        condition: its name.
        levels: factor -> level, all of which must hold.
        query: its index.
        sample: its number.
        kind: of answers.
        labels: judge -> what it says, all of which must hold.
        proxy: what the tag says.
        differ: two measures, or `proxy`.
        text: to search for.
    """
    levels, labels = levels or {}, labels or {}
    parts = [
        *(("model", each) for each in _list_values(model)),
        *(("condition", each) for each in _list_values(condition)),
        *(("condition", f"{factor}={level}") for factor, level in levels.items()),
        *(("query", each) for each in _list_values(query)),
        *(("sample", each) for each in _list_values(sample)),
        *(("kind", each) for each in _list_values(kind)),
        *(("label", f"{judge}={word}") for judge, word in labels.items()),
        *(("proxy", each) for each in _list_values(proxy)),
        *(("differ", each) for each in _list_values(_join(differ))),
        *(("text", each) for each in _list_values(text)),
    ]
    return f"#find?{urlencode(parts, quote_via=quote, safe='/', errors='replace')}"


def _list_values(given: Values) -> list[str]:
    if given is None or given == "":
        return []
    return [str(given)] if isinstance(given, str | int) else list(given)


def _join(differ: tuple[str, str] | str | None) -> str | None:
    return ",".join(differ) if isinstance(differ, tuple) else differ
