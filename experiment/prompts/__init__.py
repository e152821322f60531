"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.render_budget import RenderBudget
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.prompts.request_ids import SUBJECT_MARK, VERDICT_MARK
from experiment.prompts.sandbox import BoundedEnvironment
from experiment.prompts.templates import Templates

__all__ = [
    "SUBJECT_MARK",
    "VERDICT_MARK",
    "BoundedEnvironment",
    "Message",
    "RenderBudget",
    "Request",
    "RequestBuilder",
    "Templates",
]
