"""Find the names that a template uses, in its syntax tree."""

from __future__ import annotations

from jinja2 import meta, nodes

from experiment.definition import ROW
from experiment.prompts.rendering.used_names import ANY_COLUMN, TemplateNames


def find_names(tree: nodes.Template) -> TemplateNames:
    """Return the names that a parsed template uses; those in other files are not among them."""
    uses = sum(each.name == "file" for each in tree.find_all(nodes.Name))
    inserts = uses > sum(map(_names_its_file, tree.find_all(nodes.Call)))
    variables = frozenset(meta.find_undeclared_variables(tree))
    columns = frozenset(_find_columns(tree)) if ROW in variables else frozenset[str]()
    return TemplateNames(variables, columns, inserts)


def _names_its_file(call: nodes.Call) -> bool:
    is_file = isinstance(call.node, nodes.Name) and call.node.name == "file"
    return is_file and len(call.args) == 1 and isinstance(call.args[0], nodes.Const)


def _find_columns(tree: nodes.Template) -> set[str]:
    """Return the columns of `row` that a template names, and `ANY_COLUMN` for other uses of it."""
    named: dict[int, str] = {}
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        match node:
            case nodes.Getattr(node=nodes.Name() as name, attr=column):
                named[id(name)] = column
            case nodes.Getitem(node=nodes.Name() as name, arg=nodes.Const(value=str(column))):
                named[id(name)] = column
    uses = [name for name in tree.find_all(nodes.Name) if name.name == ROW]
    return {named.get(id(name), ANY_COLUMN) for name in uses}
