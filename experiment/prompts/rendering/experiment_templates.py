"""Start to render the templates of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.definition import Experiment

if TYPE_CHECKING:
    from experiment.prompts.rendering.templates import Templates


def read_templates(experiment: Experiment, *, limited: bool = False) -> Templates:
    """Return what renders an experiment's templates, with the files of its folder; see there."""
    from experiment.prompts.rendering.templates import (  # noqa: PLC0415 - imports jinja2
        Templates,
    )

    return Templates(experiment.folder, trust=experiment.trust, limited=limited)
