"""Render the templates of messages: in a sandbox, within bounds, the same on every machine.

What renders needs jinja2, so it is imported when it is first asked for: an estimate whose counts
are cached renders nothing.
"""

from typing import TYPE_CHECKING

from experiment.lazy_names import import_on_demand
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

__getattr__ = import_on_demand(
    __name__,
    {
        "RENDER_ERRORS": "sandbox",
        "BoundedEnvironment": "sandbox",
        "Cut": "cuts",
        "RenderBudget": "render_budget",
        "Templates": "templates",
    },
)
