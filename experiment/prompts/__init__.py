"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.prompts.templates import Templates

__all__ = [
    "Message",
    "Request",
    "RequestBuilder",
    "Templates",
]
