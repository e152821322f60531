"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.inserted_files import find_inserted_files
from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.prompts.render_budget import RenderBudget
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import RequestBuilder, Turns
from experiment.prompts.request_ids import SUBJECT_MARK, VERDICT_MARK
from experiment.prompts.sandbox import BoundedEnvironment
from experiment.prompts.template_names import ANY_COLUMN, TemplateNames
from experiment.prompts.templates import Templates

__all__ = [
    "ANY_COLUMN",
    "SUBJECT_MARK",
    "VERDICT_MARK",
    "BoundedEnvironment",
    "KnownVerdicts",
    "Message",
    "RenderBudget",
    "Request",
    "RequestBuilder",
    "TemplateNames",
    "Templates",
    "Turns",
    "find_inserted_files",
]
