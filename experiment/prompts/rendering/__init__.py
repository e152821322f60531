"""Render the templates of messages: in a sandbox, within bounds, the same on every machine."""

from experiment.prompts.rendering.cuts import Cut
from experiment.prompts.rendering.render_budget import RenderBudget
from experiment.prompts.rendering.sandbox import RENDER_ERRORS, BoundedEnvironment
from experiment.prompts.rendering.template_names import ANY_COLUMN, TemplateNames
from experiment.prompts.rendering.templates import Templates

__all__ = [
    "ANY_COLUMN",
    "RENDER_ERRORS",
    "BoundedEnvironment",
    "Cut",
    "RenderBudget",
    "TemplateNames",
    "Templates",
]
