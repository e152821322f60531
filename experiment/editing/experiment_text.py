"""Change an experiment file's text in the places of some fields; all else stays, comments too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import yaml

from experiment.editing.yaml_text import (
    Edit,
    add_entry,
    apply_edits,
    find_entry,
    keep_entries,
    remove_entry,
    replace_node,
)
from experiment.errors import BadExperiment

_NAMED = ("expect", "tokenizer")  # fields whose keys are models and levels


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed.

    Attributes:
        queries: how many are asked.
        samples: of each.
        models: that are kept, as written.
        levels: factor -> the levels that are kept.
        target: what the result is about; None leaves it.
    """

    queries: int
    samples: int
    models: Collection[str]
    levels: Mapping[str, Collection[str]]
    target: str | None = None


def change_text(text: str, changes: Changes) -> str:
    """Return an experiment file's text with changes.

    Raises:
        BadExperiment: the file is no mapping with `queries`, as a loaded one is.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or find_entry(root, "queries") is None:
        raise BadExperiment("the experiment file has no `queries` to limit")
    return apply_edits(text, _list_edits(text, root, changes))


def _list_edits(text: str, root: yaml.MappingNode, changes: Changes) -> list[Edit]:
    queries = find_entry(root, "queries")
    edits = [_set(root, "samples", str(changes.samples))]
    if queries is not None and isinstance(queries[1], yaml.MappingNode):
        edits.append(_set(queries[1], "limit", str(changes.queries)))
    if changes.target is not None:
        edits.append(_set(root, "target", changes.target))
    edits += _choose_models(text, root, changes.models)
    edits += _keep_levels(text, root, changes)
    return edits


def _choose_models(text: str, root: yaml.MappingNode, names: Collection[str]) -> list[Edit]:
    """Return the edits that leave these models, or name them where the file names others."""
    entry = find_entry(root, "models")
    listed = yaml.safe_dump(list(names), default_flow_style=True, width=10_000).strip()
    if entry is None or not isinstance(entry[1], yaml.SequenceNode):
        return [_set(root, "models", listed)]
    if set(names) <= {_name_of(each) for each in entry[1].value}:
        return keep_entries(text, entry[1], _is_among(names))
    return [replace_node(entry[1], listed)]


def _set(node: yaml.MappingNode, key: str, value: str) -> Edit:
    entry = find_entry(node, key)
    if entry is None:
        return add_entry(node, key, value, before="queries")
    return replace_node(entry[1], value)


def _name_of(node: yaml.Node) -> str:
    """Return what a model is called: its name alone, or the `name` of its fields."""
    if isinstance(node, yaml.MappingNode):
        entry = find_entry(node, "name")
        return str(entry[1].value) if entry else ""
    return str(node.value)


def _keep_levels(text: str, root: yaml.MappingNode, changes: Changes) -> list[Edit]:
    """Return what removes the other levels, and what the file says of them and of other models."""
    edits, gone = [], set[str]()
    factors = find_entry(root, "factors")
    for factor, kept in changes.levels.items():
        levels = find_entry(factors[1], factor) if factors else None
        if levels is not None and isinstance(levels[1], yaml.CollectionNode):
            gone |= {name for name in _list_names(levels[1]) if name not in kept}
            edits += keep_entries(text, levels[1], _is_among(kept))
    models = find_entry(root, "models")
    if models is not None and isinstance(models[1], yaml.SequenceNode):
        gone |= {_name_of(each) for each in models[1].value} - set(changes.models)
    for field in _NAMED:
        entry = find_entry(root, field)
        if entry is None or not isinstance(entry[1], yaml.MappingNode):
            continue
        left = [name for name in _list_names(entry[1]) if name not in gone]
        edits += (
            keep_entries(text, entry[1], _is_among(left)) if left else [remove_entry(text, *entry)]
        )
    return edits


def _is_among(kept: Collection[str]) -> Callable[[yaml.Node], bool]:
    return lambda node: _name_of(node) in kept


def _list_names(node: yaml.Node) -> list[str]:
    """Return the names in a mapping's keys, or in a list."""
    if isinstance(node, yaml.MappingNode):
        return [str(key.value) for key, _ in node.value]
    return [_name_of(each) for each in node.value]
