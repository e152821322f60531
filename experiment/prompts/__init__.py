"""Build the requests of an experiment: the API calls to make.

What renders them is imported when it is first asked for, as in `rendering`.
"""

from typing import TYPE_CHECKING, Any

from experiment.prompts import rendering
from experiment.prompts.answer_turns import Turns
from experiment.prompts.inserted_files import find_inserted_files
from experiment.prompts.joint_votes import join_votes
from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.prompts.rendering import ANY_COLUMN, TemplateNames, read_templates
from experiment.prompts.request import Message, Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.prompts.request_ids import (
    SUBJECT_MARK,
    VERDICT_MARK,
    digest_subjects,
    name_subject,
)

if TYPE_CHECKING:
    from experiment.prompts.rendering import (
        RENDER_ERRORS,
        BoundedEnvironment,
        RenderBudget,
        Templates,
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
    "read_templates",
]

_RENDERING = ("RENDER_ERRORS", "BoundedEnvironment", "RenderBudget", "Templates")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes and errors
    if name not in _RENDERING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(rendering, name)
