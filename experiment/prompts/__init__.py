"""Build the requests of an experiment: the API calls to make."""

from experiment.prompts.answer_turns import Turns
from experiment.prompts.inserted_files import find_inserted_files
from experiment.prompts.joint_votes import join_votes
from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.prompts.rendering import (
    ANY_COLUMN,
    RENDER_ERRORS,
    BoundedEnvironment,
    RenderBudget,
    TemplateNames,
    Templates,
)
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.prompts.request_ids import (
    SUBJECT_MARK,
    VERDICT_MARK,
    digest_subjects,
    name_subject,
)

__all__ = [
    "ANY_COLUMN",
    "RENDER_ERRORS",
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
    "digest_subjects",
    "find_inserted_files",
    "join_votes",
    "name_subject",
]
