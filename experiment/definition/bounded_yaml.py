"""Read YAML within bounds: no text of a few lines may become gigabytes, or take minutes.

An alias repeats a part of the file as often as it is written, and aliases of aliases multiply; so
what a file holds is counted with its aliases written out before anything is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from experiment.yaml_words import YamlWord, is_yaml_word

_MAX_DEPTH = 60
_MAX_VALUES = 100_000  # keys and values, with aliases written out
_MAX_CHARACTERS = 16 << 20  # of all texts, with aliases written out
_MAX_KEY = 1000  # characters
_MAX_NUMBER = 100  # digits
_MAX_SHOWN = 60  # characters of a value in an error message
_PLAIN = "tag:yaml.org,2002:"
# A set has no order, so its text is not the same twice.
_TAGS = {"str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value"}

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is 15 times as fast


class _Loader(_SafeLoader):
    """Reads `on`, `off`, `yes` and `no` as words that may be booleans, and as words in keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        mapping = super().construct_mapping(node, deep=deep)
        return {
            str(key) if isinstance(key, YamlWord) else key: value for key, value in mapping.items()
        }


def _construct_boolean(loader: Any, node: yaml.ScalarNode) -> bool | YamlWord:  # noqa: ANN401
    if is_yaml_word(node.value):
        return YamlWord(node.value)
    read: bool = loader.construct_yaml_bool(node)
    return read


_Loader.add_constructor(f"{_PLAIN}bool", _construct_boolean)


def parse_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """Return the value of a YAML document, and its nodes, which know their lines.

    `on`, `off`, `yes` and `no` are a `YamlWord` each, and plain texts where they are keys.

    Raises:
        yaml.YAMLError: it is not YAML, too large, or a key is given twice.
        ValueError: a value cannot be read, such as the day 2026-02-30.
    """
    _check_size(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_nodes(node)
        return loader.construct_document(node), node
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Size:
    """What a document holds so far, with aliases written out."""

    values: int = 0
    characters: int = 0
    anchors: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    # Of each collection that is open its anchor, and what was counted before it.
    open_parts: list[tuple[str | None, int, int]] = field(default_factory=list)

    def begin(self, event: yaml.CollectionStartEvent) -> None:
        """Count the beginning of a list or a mapping."""
        if event.anchor:
            self.anchors[event.anchor] = None  # until it ends: an alias in it would have no end
        self.open_parts.append((event.anchor, self.values, self.characters))
        self.values += 1

    def end(self) -> None:
        """Note the size of a list or mapping that ends, for its aliases."""
        anchor, values, characters = self.open_parts.pop()
        if anchor:
            self.anchors[anchor] = self.values - values, self.characters - characters

    def add_scalar(self, event: yaml.ScalarEvent) -> None:
        """Count a text or a number."""
        if event.anchor:
            self.anchors[event.anchor] = 1, len(event.value)
        self.values += 1
        self.characters += len(event.value)

    def add_alias(self, event: yaml.AliasEvent) -> None:
        """Count what an alias stands for; one of nothing is refused when it is composed."""
        known = self.anchors.get(str(event.anchor), (0, 0))
        if known is None:
            raise _make_error(event, f"*{event.anchor} refers to itself")
        self.values += known[0]
        self.characters += known[1]


def _check_size(text: str) -> None:
    """Count depth, values and characters, with aliases written out, from the events alone."""
    size = _Size()
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            size.begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            size.end()
        elif isinstance(event, yaml.ScalarEvent):
            size.add_scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            size.add_alias(event)
        if len(size.open_parts) > _MAX_DEPTH:
            raise _make_error(event, f"values are nested more than {_MAX_DEPTH} levels deep")
        if size.values > _MAX_VALUES or size.characters > _MAX_CHARACTERS:
            raise _make_error(
                event,
                f"with its aliases written out it has more than {_MAX_VALUES:,} values or "
                f"{_MAX_CHARACTERS:,} characters",
            )


def _check_nodes(root: yaml.Node) -> None:
    """Check each node once: its tag, numbers that take long to read, keys given twice."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        kind = node.tag.removeprefix(_PLAIN)
        if kind not in _TAGS:
            raise _make_error(node, f"the tag {node.tag[:_MAX_SHOWN]!r} is not supported")
        if isinstance(node, yaml.ScalarNode):
            if kind != "str" and len(node.value) > _MAX_NUMBER:
                shown = f"{node.value[:_MAX_SHOWN]}…"
                raise _make_error(node, f"{shown} is too long to be a {kind}; put text in quotes")
        elif isinstance(node, yaml.MappingNode):
            _check_keys(node)
            waiting += [part for pair in node.value for part in pair]
        else:
            waiting += node.value


def _check_keys(mapping: yaml.MappingNode) -> None:
    keys = set()
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _make_error(key, "a key must be a text, not a list or a mapping")
        if len(key.value) > _MAX_KEY:
            raise _make_error(key, f"a key has more than {_MAX_KEY:,} characters")
        if key.value in keys and key.tag != f"{_PLAIN}merge":
            raise _make_error(key, f"{key.value[:_MAX_SHOWN]!r} is given twice")
        keys.add(key.value)


def _make_error(place: yaml.Event | yaml.Node, problem: str) -> yaml.YAMLError:
    mark: Any = place.start_mark  # of either parser
    return yaml.MarkedYAMLError(None, None, problem, mark)
