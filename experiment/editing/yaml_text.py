"""Edit YAML in its text, at the places that its nodes know, so that all else stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import yaml


class Edit(NamedTuple):
    """A piece of a text, from `start` up to `end`, and what stands there instead."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits, none of which overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def find_entry(node: yaml.Node, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value of a mapping's entry; None where it has none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((entry for entry in node.value if entry[0].value == key), None)


def replace_node(node: yaml.Node, value: str) -> Edit:
    """Return the edit that replaces a value by one that stands on one line."""
    return Edit(node.start_mark.index, _find_end(node), value)


def add_entry(node: yaml.MappingNode, key: str, value: str, *, before: str = "") -> Edit:
    """Return the edit that adds an entry to a mapping that has some.

    Args:
        node: the mapping.
        key: of the entry.
        value: as it is written.
        before: the entry that it stands before, where the mapping is in lines; else the first.
    """
    if node.flow_style:
        end = node.value[-1][1].end_mark.index
        return Edit(end, end, f", {key}: {value}")
    mark = (find_entry(node, before) or node.value[0])[0].start_mark
    return Edit(mark.index, mark.index, f"{key}: {value}\n{' ' * mark.column}")


def remove_entry(text: str, key: yaml.Node, value: yaml.Node) -> Edit:
    """Return the edit that removes an entry of a mapping in lines."""
    return _remove_lines(text, key.start_mark.index, _find_end(value))


def keep_entries(
    text: str, node: yaml.CollectionNode, is_kept: Callable[[yaml.Node], bool]
) -> list[Edit]:
    """Return the edits that leave those entries of a mapping or a list that are kept.

    Args:
        text: that the node is of.
        node: the mapping or the list.
        is_kept: whether an entry is kept, by its key or its item.
    """
    pairs = [each if isinstance(each, tuple) else (each, each) for each in node.value]
    kept = [pair for pair in pairs if is_kept(pair[0])]
    if len(kept) == len(pairs):
        return []
    if node.flow_style:
        start, end = pairs[0][0].start_mark.index, pairs[-1][1].end_mark.index
        pieces = [text[a.start_mark.index : b.end_mark.index] for a, b in kept]
        return [Edit(start, end, ", ".join(pieces))]
    return [
        _remove_lines(text, key.start_mark.index, _find_end(value))
        for key, value in pairs
        if not is_kept(key)
    ]


def _find_end(node: yaml.Node) -> int:
    """Return where a node's text ends, without the comments and empty lines behind it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _find_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _remove_lines(text: str, start: int, end: int) -> Edit:
    """Return the edit that removes all lines from one place to another."""
    first = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", max(end - 1, start))
    return Edit(first, len(text) if stop < 0 else stop + 1, "")
