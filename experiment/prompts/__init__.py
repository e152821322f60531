"""Build the requests of an experiment: the API calls to make.

What builds and renders them is imported when it is first asked for, as in `rendering`.
"""

from typing import TYPE_CHECKING

from experiment.lazy_names import import_on_demand
from experiment.prompts.rendering import ANY_COLUMN, TemplateNames, read_templates
from experiment.prompts.request import CacheMark, CacheTime, Message, Request

if TYPE_CHECKING:
    from experiment.prompts.answer_turns import Turns
    from experiment.prompts.inserted_files import find_inserted_files
    from experiment.prompts.joint_votes import join_votes
    from experiment.prompts.known_verdicts import KnownAnswers, KnownVerdicts
    from experiment.prompts.rendering import (
        RENDER_ERRORS,
        BoundedEnvironment,
        RenderBudget,
        Templates,
    )
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
    "CacheMark",
    "CacheTime",
    "KnownAnswers",
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
    "read_templates",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "RENDER_ERRORS": "rendering",
        "SUBJECT_MARK": "request_ids",
        "VERDICT_MARK": "request_ids",
        "BoundedEnvironment": "rendering",
        "KnownAnswers": "known_verdicts",
        "KnownVerdicts": "known_verdicts",
        "RenderBudget": "rendering",
        "RequestBuilder": "request_builder",
        "Templates": "rendering",
        "Turns": "answer_turns",
        "digest_subjects": "request_ids",
        "find_inserted_files": "inserted_files",
        "join_votes": "joint_votes",
        "name_subject": "request_ids",
    },
)
