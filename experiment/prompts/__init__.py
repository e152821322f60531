"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.prompts.render_budget import RenderBudget
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import VERDICT_MARK, RequestBuilder
from experiment.prompts.sandbox import BoundedEnvironment
from experiment.prompts.templates import Templates

__all__ = [
    "VERDICT_MARK",
    "BoundedEnvironment",
    "KnownVerdicts",
    "Message",
    "RenderBudget",
    "Request",
    "RequestBuilder",
    "Templates",
]
