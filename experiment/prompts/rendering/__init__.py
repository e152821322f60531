"""Render the templates of messages: in a sandbox, within bounds, the same on every machine.

What renders needs jinja2, so it is imported when it is first asked for: an estimate whose counts
are cached renders nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from experiment.prompts.rendering.experiment_templates import read_templates
from experiment.prompts.rendering.used_names import ANY_COLUMN, TemplateNames

if TYPE_CHECKING:
    from experiment.prompts.rendering.cuts import Cut
    from experiment.prompts.rendering.render_budget import RenderBudget
    from experiment.prompts.rendering.sandbox import RENDER_ERRORS, BoundedEnvironment
    from experiment.prompts.rendering.templates import Templates

__all__ = [
    "ANY_COLUMN",
    "RENDER_ERRORS",
    "BoundedEnvironment",
    "Cut",
    "RenderBudget",
    "TemplateNames",
    "Templates",
    "read_templates",
]

_RENDERING = {  # name -> the module that it is of
    "RENDER_ERRORS": "sandbox",
    "BoundedEnvironment": "sandbox",
    "Cut": "cuts",
    "RenderBudget": "render_budget",
    "Templates": "templates",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes and errors
    if name not in _RENDERING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_RENDERING[name]}"), name)
