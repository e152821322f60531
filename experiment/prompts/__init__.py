"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.inserted_files import find_inserted_files
from experiment.prompts.render_budget import RenderBudget
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import VERDICT_MARK, RequestBuilder
from experiment.prompts.sandbox import BoundedEnvironment
from experiment.prompts.template_names import ANY_COLUMN, TemplateNames
from experiment.prompts.templates import Templates

__all__ = [
    "ANY_COLUMN",
    "VERDICT_MARK",
    "BoundedEnvironment",
    "Message",
    "RenderBudget",
    "Request",
    "RequestBuilder",
    "TemplateNames",
    "Templates",
    "find_inserted_files",
]
