"""Change how an experiment file's text asks its models: in batches, by calls, at a service tier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from experiment.editing.yaml_text import Edit, add_entry, apply_edits, find_entry, replace_node


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model or a judge is asked.

    Attributes:
        batch: whether in batches; None leaves what the file says.
        tier: its `service_tier`; None leaves what the file says.
    """

    batch: bool | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class AskedChanges:
    """What is changed: name of a model as written, or of a judge -> how it is asked."""

    models: Mapping[str, Asked] = field(default_factory=dict)
    judges: Mapping[str, Asked] = field(default_factory=dict)


def ask_in_text(text: str, changes: AskedChanges) -> str:
    """Return an experiment file's text with models and judges that are asked otherwise.

    What is not in a list, or in no mapping with its name, stays as it is.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None:
        return text
    edits = [
        *_list_edits(text, find_entry(root, "models"), changes.models),
        *_list_edits(text, find_entry(root, "judges"), changes.judges),
    ]
    return apply_edits(text, edits)


def _list_edits(
    text: str, entry: tuple[yaml.Node, yaml.Node] | None, named: Mapping[str, Asked]
) -> Iterator[Edit]:
    if entry is None or not isinstance(entry[1], yaml.SequenceNode):
        return
    for node in entry[1].value:
        if isinstance(node, yaml.ScalarNode) and node.value in named:
            written = text[node.start_mark.index : node.end_mark.index]
            fields = "".join(f", {each}" for each in _write(named[node.value]))
            yield replace_node(node, f"{{name: {written}{fields}}}")
        elif isinstance(node, yaml.MappingNode):
            name = find_entry(node, "name")
            if name is not None and str(name[1].value) in named:
                yield from _change(node, named[str(name[1].value)])


def _write(asked: Asked) -> Iterator[str]:
    """Yield the fields that ask for it, in braces."""
    if asked.batch is not None:
        yield f"batch: {_say(asked.batch)}"
    if asked.tier is not None:
        yield f"sampling: {{service_tier: {asked.tier}}}"


def _change(node: yaml.MappingNode, asked: Asked) -> Iterator[Edit]:
    if asked.batch is not None:
        yield _set(node, "batch", _say(asked.batch))
    if asked.tier is None:
        return
    sampling = find_entry(node, "sampling")
    if sampling is None:
        yield _set(node, "sampling", f"{{service_tier: {asked.tier}}}")
    elif isinstance(sampling[1], yaml.MappingNode) and sampling[1].value:
        yield _set(sampling[1], "service_tier", asked.tier)
    else:
        yield replace_node(sampling[1], f"{{service_tier: {asked.tier}}}")


def _set(node: yaml.MappingNode, key: str, value: str) -> Edit:
    entry = find_entry(node, key)
    if entry is not None:
        return replace_node(entry[1], value)
    last = node.value[-1][0].value if not node.flow_style and len(node.value) > 1 else ""
    return add_entry(node, key, value, before=str(last))


def _say(batch: bool) -> str:  # noqa: FBT001 - the value of a field
    return "yes" if batch else "no"
